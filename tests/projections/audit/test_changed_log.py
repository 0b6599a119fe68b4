"""An audit finds what was changed in the log itself, because the projections kept what they folded."""

from pathlib import Path

from tests.log.memory import MemoryLog
from tests.projections.audit.audited_directory import CHANGED, audit, fold
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder, create_log, remove

from ordertrail.v1 import projection_audit_pb2 as messages
from ordertrail_server.log.port import LogDamaged, Logged
from ordertrail_server.projections.catalog import OWN_NAMES


def build_log(second_event: object) -> LogBuilder:
    """Return a log whose order-1 has this second event, and whose last record belongs to another order."""
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_fact("order-1", second_event)
    builder.add_fact("order-1", CONFIRMED)
    builder.add_fact("order-2", PLACED)
    return builder


async def fold_and_replace(directory: Path, replaced: LogBuilder, replacement: LogBuilder) -> MemoryLog:
    """Fold a log, and return the log with the records of another one in its place."""
    log = await create_log(replaced)
    await fold(log, directory)
    log.records = (await create_log(replacement)).records
    return log


async def test_record_rewritten_with_its_successors_is_found_by_the_digests_of_its_links(tmp_path: Path) -> None:
    log = await fold_and_replace(tmp_path, build_log(PLUM_ADDED), build_log(remove("apple")))
    outcome = await audit(log, tmp_path)
    assert {
        (CHANGED, "orders", "links"),
        (CHANGED, "orders", "orders"),
        (CHANGED, "history", "events"),
    } <= outcome.places
    rewritten = [finding for finding in outcome.findings if finding.table == "links"]
    assert [(finding.order_id, finding.position.offset) for finding in rewritten] == [("order-1", 1), ("order-1", 2)]
    assert rewritten[0].expected.startswith(f"digest={log.records[0][1].digest.hex()}")


async def test_log_that_lost_its_last_records_is_found_by_the_positions(tmp_path: Path) -> None:
    builder = build_log(PLUM_ADDED)
    log = await create_log(builder)
    await fold(log, tmp_path)
    del log.records[0][3:]
    outcome = await audit(log, tmp_path, OWN_NAMES)
    positions = [finding for finding in outcome.findings if finding.table == "ordertrail_positions"]
    assert [finding.projection for finding in positions] == [*OWN_NAMES]
    assert all("next_offset=3" in finding.expected and "next_offset=4" in finding.stored for finding in positions)


async def test_broken_chains_and_foreign_messages_of_an_embedded_log_are_findings(tmp_path: Path) -> None:
    builder = build_log(PLUM_ADDED)
    builder.add_broken_record("order-2")
    builder.add_unreadable_record("order-3")
    log = await create_log(builder)
    await fold(log, tmp_path)
    outcome = await audit(log, tmp_path)
    assert [(finding.kind, finding.order_id, finding.position.offset) for finding in outcome.findings] == [
        (messages.AUDIT_FINDING_KIND_RECORD_BROKEN, "order-2", 4),
        (messages.AUDIT_FINDING_KIND_RECORD_FOREIGN, "", 5),
    ]
    assert all(finding.detail for finding in outcome.findings)
    assert (outcome.report.counts.broken_count, outcome.report.counts.foreign_count) == (1, 1)


async def test_foreign_messages_of_a_log_that_everybody_can_write_to_are_only_counted(tmp_path: Path) -> None:
    log = MemoryLog(atomic=False)
    builder = build_log(PLUM_ADDED)
    builder.add_unreadable_record("order-3")
    await log.append(0, builder.records[0])
    await fold(log, tmp_path)
    outcome = await audit(log, tmp_path)
    assert (outcome.report.result, outcome.report.counts.foreign_count) == (messages.AUDIT_RESULT_CLEAN, 1)


class DamagedLog(MemoryLog):
    """A log whose record at offset 2 cannot be read."""

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        if offset + limit > 2:
            raise LogDamaged("the record at partition 0, offset 2 is damaged")
        return await super().read(partition, offset, limit)


async def test_damaged_log_is_a_finding_and_the_projections_are_not_compared(tmp_path: Path) -> None:
    log = await create_log(build_log(PLUM_ADDED))
    await fold(log, tmp_path)
    damaged_log = DamagedLog(identity=log.identity)
    damaged_log.records = log.records
    outcome = await audit(damaged_log, tmp_path, OWN_NAMES)
    [finding] = outcome.findings
    assert (finding.kind, finding.detail) == (
        messages.AUDIT_FINDING_KIND_LOG_DAMAGED,
        "the record at partition 0, offset 2 is damaged",
    )
    assert outcome.not_compared == dict.fromkeys(OWN_NAMES, "the log is damaged")
    assert outcome.report.result == messages.AUDIT_RESULT_FINDINGS
