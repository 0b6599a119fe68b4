"""Audits of a server run in processes of their own, one at a time, and end if nobody reads them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest
from tests.projections.log_builder import build_many_orders, write_log

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_AUDIT_RUNNING, ERROR_REASON_UNAVAILABLE
from ordertrail.v1.projection_audit_pb2 import AUDIT_RESULT_CLEAN, AuditProjectionsResponse
from ordertrail_server.log.source import EmbeddedSource
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.projections.audit import running_audit
from ordertrail_server.projections.audit.running_audit import RunningAudit
from ordertrail_server.projections.catalog import OWN_NAMES
from ordertrail_server.projections.rebuild import rebuild


def create_audit(data: Path) -> RunningAudit:
    return RunningAudit(EmbeddedSource(data), data / "projections", lambda file, damage: None)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_log(tmp_path, build_many_orders(100))
    rebuild(tmp_path, lambda done, total: None)
    return tmp_path


def list_files(data: Path) -> list[Path]:
    return list((data / "projections").glob("audit-*"))


async def read_report(audit: AsyncGenerator[bytes, None]) -> AuditProjectionsResponse:
    async with aclosing(audit) as messages:
        *_, report = [AuditProjectionsResponse.FromString(message) async for message in messages]
    return report


async def test_audit_that_is_closed_ends_and_another_can_run(data: Path) -> None:
    audit = create_audit(data)
    first = audit.run(OWN_NAMES)
    await anext(first)
    with pytest.raises(Refused) as refusal:
        await anext(audit.run(OWN_NAMES))
    assert refusal.value.refusal.reason == ERROR_REASON_AUDIT_RUNNING
    await first.aclose()
    assert list_files(data) == []
    assert (await read_report(audit.run(OWN_NAMES))).report.result == AUDIT_RESULT_CLEAN
    assert list_files(data) == []


async def test_audit_that_nobody_reads_ends_and_another_can_run(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_audit, "UNREAD_SECONDS", 0.0)
    audit = create_audit(data)
    unread = audit.run(OWN_NAMES)
    await anext(unread)
    async with asyncio.timeout(60):
        while audit.is_running:  # noqa: ASYNC110 (no event reports it)
            await asyncio.sleep(0)
    monkeypatch.undo()
    assert (await read_report(audit.run(OWN_NAMES))).report.result == AUDIT_RESULT_CLEAN
    with pytest.raises(Refused, match="its messages were not read"):
        await read_report(unread)
    assert list_files(data) == []


async def test_audit_that_cannot_run_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "projections").mkdir()
    with pytest.raises(Refused, match=r"The audit cannot run: .* holds no log") as refusal:
        await anext(create_audit(tmp_path).run(OWN_NAMES))
    assert refusal.value.refusal.reason == ERROR_REASON_UNAVAILABLE
    assert list_files(tmp_path) == []
