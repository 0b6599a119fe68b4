"""An audit of projections that were folded from their log has no findings, whatever the log contains."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from tests.log.memory import MemoryLog
from tests.projections.audit.audited_directory import NAMES, audit, build_mixed_log, fold
from tests.projections.log_builder import create_log
from tests.projections.memory_directory import memory_directory
from tests.projections.older_release import hide_events
from tests.projections.random_engine import event_names
from tests.projections.random_log import ORDER_IDS, LogSteps, build_log, log_steps
from tests.trials import choose_size

from ordertrail.v1 import projection_audit_pb2 as messages
from ordertrail_server.log.port import Capabilities, Logged
from ordertrail_server.projections.audit import fresh_fold
from ordertrail_server.projections.opened_engine import open_engine

EXAMPLES = choose_size(quick=5, trial=25, long=3_000)
WRONG_RECORDS = {messages.AUDIT_FINDING_KIND_RECORD_BROKEN, messages.AUDIT_FINDING_KIND_RECORD_FOREIGN}


async def test_audit_of_an_undisturbed_directory_is_clean_and_counts_every_message(tmp_path: Path) -> None:
    log = await create_log(build_mixed_log())
    await fold(log, tmp_path)
    outcome = await audit(log, tmp_path)
    assert (outcome.report.result, outcome.findings) == (messages.AUDIT_RESULT_CLEAN, [])
    assert outcome.report.counts == messages.AuditCounts(
        record_count=10,
        order_count=3,
        fact_count=4,
        waiting_count=2,
        refusal_count=1,
        void_count=2,
        barrier_count=1,
        parked_count=1,
    )
    assert [projection.name for projection in outcome.report.projections] == [*NAMES]
    for projection in outcome.report.projections:
        assert all(table.stored_count == table.expected_count for table in projection.tables)
        assert {"sqlite_schema", "ordertrail_positions", "ordertrail_verdicts"} <= {t.table for t in projection.tables}


async def test_progress_ends_with_all_records_folded(tmp_path: Path) -> None:
    log = await create_log(build_mixed_log())
    await fold(log, tmp_path)
    progress = (await audit(log, tmp_path)).progress
    assert (progress[-1].folded_count, progress[-1].remaining_count) == (10, 0)
    assert {step.projection for step in progress} - {""} == {*NAMES}


async def test_retried_orders_are_no_findings(tmp_path: Path) -> None:
    log = await create_log(build_mixed_log())
    with closing(await open_engine(log, tmp_path, NAMES, batch=7)) as engine:
        with hide_events("order_line_added"):
            await engine.catch_up()
        assert await engine.retry("order-1") == 1
    assert (await audit(log, tmp_path)).report.result == messages.AUDIT_RESULT_CLEAN


async def test_audit_ends_at_the_position_of_each_projection(tmp_path: Path) -> None:
    log = await create_log(build_mixed_log())
    all_records, log.records = log.records, [log.records[0][:6]]
    await fold(log, tmp_path)
    log.records = all_records
    outcome = await audit(log, tmp_path)
    assert (outcome.report.result, outcome.report.counts.record_count) == (messages.AUDIT_RESULT_CLEAN, 6)


async def test_projection_that_lags_is_compared_at_its_own_position(tmp_path: Path) -> None:
    log = await create_log(build_mixed_log())
    all_records, log.records = log.records, [log.records[0][:6]]
    await fold(log, tmp_path)
    log.records = all_records
    with closing(await open_engine(log, tmp_path, ["product_totals", "ledger"], batch=7)) as engine:
        await engine.catch_up()
    outcome = await audit(log, tmp_path)
    assert outcome.report.result == messages.AUDIT_RESULT_CLEAN
    assert len({projection.consistency_token for projection in outcome.report.projections}) == 2


class StaleLog(MemoryLog):
    """A log whose end lacks all records in its first answers, as that of a Kafka leader that was replaced."""

    stale_count = 1_000

    async def end(self, partition: int, at_least: int = 0) -> int:
        self.stale_count -= 1
        return 0 if self.stale_count >= 0 else await super().end(partition, at_least)

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        return (await super().read(partition, offset, limit))[: await self.end(partition)]


async def test_audit_waits_as_long_as_the_end_of_a_log_may_be_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh_fold, "RETRY_SECONDS", 0)
    current = await create_log(build_mixed_log())
    await fold(current, tmp_path)
    log = StaleLog(identity=current.identity)
    log.records = current.records
    log.capabilities = Capabilities(atomic_append=True, current_end=False, max_end_staleness_seconds=60)
    outcome = await audit(log, tmp_path)
    assert (outcome.report.result, log.stale_count < 0) == (messages.AUDIT_RESULT_CLEAN, True)


@pytest.mark.sampled
@settings(max_examples=EXAMPLES)
@given(log_steps, event_names, st.integers(0, 60))
def test_audit_of_any_log_finds_only_its_wrong_records(steps: LogSteps, unknown: set[str], cut: int) -> None:
    async def compare(directory: Path) -> None:
        log = await build_log(steps)
        all_records, log.records = log.records, [records[:cut] for records in log.records]
        with closing(await open_engine(log, directory, NAMES, batch=7)) as engine:
            with hide_events(*unknown):
                await engine.catch_up()
            log.records = all_records
            await engine.catch_up()
            for order_id in ORDER_IDS:
                await engine.retry(order_id)
            await engine.catch_up()
        outcome = await audit(log, directory)
        assert {finding.kind for finding in outcome.findings} <= WRONG_RECORDS, outcome.findings
        counts = outcome.report.counts
        assert len(outcome.findings) == counts.broken_count + counts.foreign_count

    with memory_directory() as directory:
        asyncio.run(compare(directory))
