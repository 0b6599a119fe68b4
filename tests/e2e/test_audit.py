"""An audit beside a running server: clean under load, one at a time, and ended with its call. A receipt is checked."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from tests.e2e.generations.server_projections import edit_live
from tests.e2e.generations.traffic import run_traffic
from tests.e2e.parked import create_client
from tests.e2e.process_status import list_children
from tests.e2e.refusals import catch_refusal
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import START_SECONDS, RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order
from tests.process_freeze import freeze_process

from ordertrail.client import OrderTrail, connect
from ordertrail.errors import NotFound, OrderTrailError
from ordertrail.receipt_chain import ReceiptResult
from ordertrail.v1 import projection_audit_pb2 as messages
from ordertrail_server.projections.catalog import OWN_NAMES

PROGRAM = b"ordertrail_server.projections.audit.process"


async def read_messages(orders: OrderTrail) -> list[messages.AuditProjectionsResponse]:
    return [message async for message in orders.audit_projections(timeout=60)]


async def read_report(orders: OrderTrail) -> messages.AuditReport:
    return (await read_messages(orders))[-1].report


def find_audits(server: RunningServer) -> list[int]:
    """Return the processes of audits."""
    return [pid for pid in list_children(server.pid) if PROGRAM in Path(f"/proc/{pid}/cmdline").read_bytes()]


def list_files(server: RunningServer) -> list[Path]:
    """Return the directories of audits."""
    return sorted((server.data / "projections").glob("audit-*"))


@asynccontextmanager
async def frozen_audit(server: RunningServer, orders: OrderTrail) -> AsyncIterator["asyncio.Task[object]"]:
    """Begin an audit and stop its process (SIGSTOP) once it runs. Yields its call, which is cancelled at the end."""
    call = asyncio.create_task(read_messages(orders))
    async with asyncio.timeout(START_SECONDS):
        while not (pids := find_audits(server)):  # noqa: ASYNC110 (no event reports a new process)
            await asyncio.sleep(0.001)
    freeze_process(pids[0])
    try:
        yield call
    finally:
        call.cancel()
        await asyncio.wait({call})


async def wait_until_removed(server: RunningServer) -> None:
    async with asyncio.timeout(START_SECONDS):
        while list_files(server) or find_audits(server):  # noqa: ASYNC110 (no event reports it)
            await asyncio.sleep(0.01)


async def test_audit_under_load_is_clean_and_leaves_no_files(shared: RunningServer, orders: OrderTrail) -> None:
    await wait_until_serving(shared.address)
    async with run_traffic(shared.address) as traffic:
        await traffic.wait_for_receipts(20)
        report = await read_report(orders)
    assert report.result == messages.AUDIT_RESULT_CLEAN, report
    assert {projection.name for projection in report.projections} >= {*OWN_NAMES}
    assert report.counts.fact_count >= 20
    assert list_files(shared) == []


async def test_receipt_is_verified_on_each_kind_of_log(orders: OrderTrail) -> None:
    placed = await orders.send(build_order())
    confirmed = await orders.confirm(placed.order_id)
    verification = await orders.verify(confirmed)
    assert (verification.result, len(verification.links)) == (ReceiptResult.VERIFIED, 2), verification.detail


async def test_second_audit_is_refused_until_the_first_one_ends(shared: RunningServer, orders: OrderTrail) -> None:
    await wait_until_serving(shared.address)
    async with frozen_audit(shared, orders):
        call_refusal = await catch_refusal(RPCS["AuditProjections"].call(orders.channel, b""))
        assert call_refusal.reason == "AUDIT_RUNNING"
        assert len(list_files(shared)) == 1
    await wait_until_removed(shared)
    assert (await read_report(orders)).result == messages.AUDIT_RESULT_CLEAN


async def test_audit_of_an_unknown_projection_is_refused(shared: RunningServer, orders: OrderTrail) -> None:
    with pytest.raises(NotFound):
        async with aclosing(orders.audit_projections(["unknown"])) as audit:
            await anext(audit)


async def test_server_that_is_stopped_ends_the_audit_at_once(server: RunningServer) -> None:
    server.start()
    await wait_until_serving(server.address)
    async with create_client(server) as orders, frozen_audit(server, orders) as call:
        assert await asyncio.to_thread(server.stop) == 0
        with pytest.raises(OrderTrailError, match="The audit cannot run: the server is stopping"):
            await call
    assert list_files(server) == []
    assert server.faults == []


async def test_audit_of_a_killed_server_ends_by_itself_and_removes_its_files(server: RunningServer) -> None:
    server.start()
    await wait_until_serving(server.address)
    async with connect(server.address) as orders, frozen_audit(server, orders):
        [pid] = find_audits(server)
        server.kill()
        os.kill(pid, signal.SIGCONT)
    async with asyncio.timeout(START_SECONDS):
        while list_files(server):  # noqa: ASYNC110 (no event reports it)
            await asyncio.sleep(0.01)


async def test_files_of_a_killed_audit_are_removed_at_the_next_start(server: RunningServer) -> None:
    server.start()
    await wait_until_serving(server.address)
    async with connect(server.address) as orders, frozen_audit(server, orders):
        [pid] = find_audits(server)
        server.kill()
        os.kill(pid, signal.SIGKILL)
        assert len(list_files(server)) == 1
    server.start()
    assert list_files(server) == []


async def test_audit_finds_a_row_that_was_changed_while_the_server_was_stopped(server: RunningServer) -> None:
    server.start()
    async with connect(server.address) as orders:
        receipt = await orders.send(build_order())
        await orders.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
    assert server.stop() == 0
    edit_live(server.data, "orders", f"UPDATE orders SET status = 9 WHERE order_id = '{receipt.order_id}'")
    server.start()
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        [*_, finding, _] = [message for message in await read_messages(orders) if not message.HasField("progress")]
    assert (finding.finding.table, finding.finding.order_id) == ("orders", receipt.order_id)
    assert (finding.finding.expected, finding.finding.stored) == ("status=1", "status=9")
