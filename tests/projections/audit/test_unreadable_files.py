"""An audit reports projections that it cannot compare, and compares the others."""

from pathlib import Path

import pytest
from tests.log.memory import MemoryLog
from tests.projections.audit.audited_directory import audit, build_mixed_log, edit_live, fold
from tests.projections.log_builder import create_log

from ordertrail.v1 import projection_audit_pb2 as messages
from ordertrail_server.projections.audit import audit as auditing
from ordertrail_server.projections.catalog import OWN_NAMES
from ordertrail_server.projections.generation import live_generation, make_live, next_generation

PAGE = 4096


@pytest.fixture
async def log(tmp_path: Path) -> MemoryLog:
    log = await create_log(build_mixed_log())
    await fold(log, tmp_path)
    return log


@pytest.mark.parametrize("name", OWN_NAMES)
@pytest.mark.parametrize("page", [0, 4], ids=["header", "table"])
async def test_damaged_file_is_a_finding_and_is_reported_for_repair(
    log: MemoryLog, tmp_path: Path, name: str, page: int
) -> None:
    file = live_generation(tmp_path, name)
    damage_page(file, page)
    outcome = await audit(log, tmp_path, OWN_NAMES)
    [finding] = outcome.findings
    assert (finding.kind, finding.projection) == (messages.AUDIT_FINDING_KIND_FILE_DAMAGED, name)
    assert finding.detail
    assert outcome.damaged == [file]
    assert outcome.not_compared == {name: "its file is damaged"}
    assert [projection.name for projection in outcome.report.projections if projection.tables] == [
        own_name for own_name in OWN_NAMES if own_name != name
    ]


def damage_page(file: Path, page: int) -> None:
    contents = bytearray(file.read_bytes())
    contents[page * PAGE + 10 : page * PAGE + 90] = b"damage!!" * 10
    file.write_bytes(contents)


async def test_text_that_is_not_utf_8_is_damage(log: MemoryLog, tmp_path: Path) -> None:
    edit_live(tmp_path, "history", "UPDATE events SET customer_id = CAST(x'ff' AS TEXT) WHERE position = 0")
    outcome = await audit(log, tmp_path, ("history",))
    assert [(finding.kind, finding.detail) for finding in outcome.findings] == [
        (messages.AUDIT_FINDING_KIND_FILE_DAMAGED, "it contains text that is not UTF-8")
    ]


async def test_findings_before_a_comparison_fails_are_counted(log: MemoryLog, tmp_path: Path) -> None:
    edit_live(
        tmp_path,
        "history",
        "UPDATE event_times SET latest = latest + 1",
        "UPDATE parked_orders SET reason = CAST(x'ff' AS TEXT)",
    )
    outcome = await audit(log, tmp_path, ("history",))
    assert outcome.not_compared == {"history": "its file is damaged"}
    assert {finding.table for finding in outcome.findings} == {"event_times", ""}
    assert outcome.report.finding_count == len(outcome.findings) == 2


async def test_index_that_lacks_a_row_is_damage(log: MemoryLog, tmp_path: Path) -> None:
    index = "WHERE name = 'ordertrail_waiting_by_order'"
    exclude_rows = f"UPDATE sqlite_schema SET sql = sql || ' WHERE 0' {index}"
    include_rows = f"UPDATE sqlite_schema SET sql = replace(sql, ' WHERE 0', '') {index}"
    for statement in (exclude_rows, "UPDATE ordertrail_waiting SET order_id = 'x'", include_rows):
        edit_live(tmp_path, "history", "PRAGMA writable_schema = ON", statement)
    outcome = await audit(log, tmp_path, ("history",))
    assert [finding.kind for finding in outcome.findings] == [messages.AUDIT_FINDING_KIND_FILE_DAMAGED]
    assert "ordertrail_waiting_by_order" in outcome.findings[0].detail


async def test_projection_without_a_file_or_a_package_makes_the_audit_incomplete(
    log: MemoryLog, tmp_path: Path
) -> None:
    live_generation(tmp_path, "tally").unlink()
    outcome = await audit(log, tmp_path, ("orders", "tally", "removed"))
    assert outcome.report.result == messages.AUDIT_RESULT_INCOMPLETE
    assert outcome.not_compared == {
        "tally": f"{live_generation(tmp_path, 'tally').name} does not exist",
        "removed": "there is no projection removed: install the package that adds it",
    }


async def test_chains_are_verified_even_if_no_projection_can_be_compared(log: MemoryLog, tmp_path: Path) -> None:
    for name in OWN_NAMES:
        live_generation(tmp_path, name).unlink()
    report = (await audit(log, tmp_path, OWN_NAMES)).report
    assert (report.result, report.counts.record_count) == (messages.AUDIT_RESULT_INCOMPLETE, 10)


async def test_projection_that_was_replaced_during_the_audit_is_marked(log: MemoryLog, tmp_path: Path) -> None:
    def replace_history(progress: messages.AuditProgress) -> None:
        if progress.projection == "history":
            make_live(tmp_path, next_generation(tmp_path, "history"))

    outcome = await audit(log, tmp_path, OWN_NAMES, replace_history)
    assert [projection.name for projection in outcome.report.projections if projection.replaced] == ["history"]


async def test_audit_without_disk_space_is_refused(
    log: MemoryLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "SPARE_BYTES", 1 << 62)
    with pytest.raises(auditing.AuditRefused, match=r"bytes of disk space .* make room"):
        await audit(log, tmp_path)
