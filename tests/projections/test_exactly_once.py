"""The rows are the same however the log is split into batches and whenever a projector stops."""

import asyncio
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from tests.log.memory import MemoryLog
from tests.projections.engine_files import open_history_engine, project, read_folded_rows
from tests.projections.log_builder import build_many_orders
from tests.projections.memory_directory import memory_directory
from tests.projections.random_log import PARTITIONS, LogSteps, build_log, compute_verdicts, log_steps
from tests.projections.stored_rows import Rows, indexes
from tests.trials import choose_size

from ordertrail_server.log.port import Logged
from ordertrail_server.orders.chain import Verdict
from ordertrail_server.projections import dependents, engine as engine_module
from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.projections.dependents import Positions
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.projection_error import PositionMoved

pytestmark = pytest.mark.usefixtures("frequent_snapshots")

LITTLE_MEMORY = 2_000
EXAMPLES = choose_size(quick=25, trial=60, long=10_000)


def count_verdicts(rows: Rows) -> dict[object, int]:
    counts: Counter[object] = Counter()
    for _, verdict, count in rows["ordertrail_verdicts"]:
        counts[verdict] += count
    return dict(counts)


@pytest.mark.sampled
@settings(max_examples=EXAMPLES)
@given(log_steps, st.integers(1, 40), st.integers(0, 10_000))
def test_any_split_into_batches_gives_the_same_rows(steps: LogSteps, batch: int, cache_bytes: int) -> None:
    async def compare(directory: Path) -> None:
        log = await build_log(steps)
        rows = await project(log, directory / "at-once")
        assert await project(log, directory / "split", batch, cache_bytes) == rows

    with memory_directory() as directory:
        asyncio.run(compare(directory))


@pytest.mark.sampled
@settings(max_examples=EXAMPLES)
@given(log_steps, st.lists(st.integers(1, 20), min_size=1))
def test_restarted_engine_resumes_at_its_position(steps: LogSteps, stops: list[int]) -> None:
    async def compare(directory: Path) -> None:
        log = await build_log(steps)
        rows = await project(log, directory / "never-stopped")
        all_records, log.records = log.records, [[] for _ in range(PARTITIONS)]
        for stop in (*stops, 1_000):
            log.records = [
                records[: len(earlier_records) + stop]
                for records, earlier_records in zip(all_records, log.records, strict=True)
            ]
            resumed_rows = await project(log, directory / "stopped", batch=7)
        assert resumed_rows == rows

    with memory_directory() as directory:
        asyncio.run(compare(directory))


@pytest.mark.sampled
@settings(max_examples=EXAMPLES)
@given(log_steps)
def test_every_offset_is_stored_once_with_the_verdict_of_the_chain_rule(steps: LogSteps) -> None:
    async def check_verdicts(directory: Path) -> None:
        log = await build_log(steps)
        rows = await project(log, directory, batch=10, cache_bytes=LITTLE_MEMORY)
        verdicts = compute_verdicts(log)
        assert sorted((row[0], row[1]) for row in rows.orders["not_links"]) == sorted(
            (position, verdict) for position, verdict in verdicts if verdict not in ("fact", "refusal")
        )
        facts = [position for position, verdict in verdicts if verdict == Verdict.FACT.value]
        assert sorted(row[0] for row in rows.history["events"] + rows.history["ordertrail_waiting"]) == sorted(facts)
        for rows_of in rows:
            assert count_verdicts(rows_of) == dict(Counter(verdict for _, verdict in verdicts))

    with memory_directory() as directory:
        asyncio.run(check_verdicts(directory))


async def test_two_engines_on_the_same_files_never_fold_a_record_twice(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append(0, build_many_orders(40))
    rows = await project(log, tmp_path / "alone")
    with (
        closing(await open_history_engine(log, tmp_path / "shared", batch=7)) as first,
        closing(await open_history_engine(log, tmp_path / "shared", batch=11)) as second,
    ):
        await first.catch_up()
        with pytest.raises(PositionMoved):
            await second.catch_up()
    assert read_folded_rows(tmp_path / "shared") == rows


async def test_progress_is_reported_after_the_commits_of_all_files(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append(0, build_many_orders(4))
    reports: list[tuple[Positions, list[object]]] = []

    def report(positions: Positions) -> None:
        stored = [rows["ordertrail_positions"][0][1] for rows in read_folded_rows(tmp_path)]
        reports.append((positions, stored))

    with closing(await open_history_engine(log, tmp_path, batch=5)) as engine:
        await engine.catch_up(report)
    assert reports == [({ORDERS: {0: end}, HISTORY: {0: end}}, [end, end]) for end in (5, 10, 12)]


class EndsInAGap(MemoryLog):
    """Has no records from offset 12 to 14, as a read from there shows."""

    has_read_end = False

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        self.has_read_end = self.has_read_end or offset == 12
        return await super().read(partition, offset, limit)

    def skip_gap(self, partition: int, offset: int) -> int:
        return 14 if self.has_read_end and offset == 12 else offset


async def test_progress_is_reported_past_a_gap(tmp_path: Path) -> None:
    log = EndsInAGap()
    await log.append(0, build_many_orders(4))
    reports: list[Positions] = []
    with closing(await open_history_engine(log, tmp_path)) as engine:
        for _ in range(3):
            await engine.catch_up(reports.append)
        positions = engine.positions
    assert reports == [{ORDERS: {0: end}, HISTORY: {0: end}} for end in (12, 14)]
    assert positions == reports[-1]
    for rows in read_folded_rows(tmp_path):
        assert rows["ordertrail_positions"][0][1] == 12  # next to the digest of an existing record


async def test_long_log_is_loaded_before_its_indexes_are_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = MemoryLog()
    await log.append(0, build_many_orders(30))
    log.land(0, build_many_orders(1)[0])  # void: its judgement needs the digest of an older link
    rows = await project(log, tmp_path / "indexed-first", batch=10, cache_bytes=0)
    for module in (engine_module, dependents):
        monkeypatch.setattr(module, "BULK", 20)
    index_states: list[tuple[bool, bool]] = []

    def note_indexes(positions: Positions) -> None:
        files = [live_generation(tmp_path / "indexed-last", name) for name in (ORDERS, HISTORY)]
        index_states.append(("receipts" in indexes(files[0]), "events_by_order" in indexes(files[1])))

    with closing(await open_history_engine(log, tmp_path / "indexed-last", batch=10, cache_bytes=0)) as engine:
        await engine.catch_up(note_indexes)
    assert index_states == [(False, False)] * 8 + [(True, True)] * 2
    assert read_folded_rows(tmp_path / "indexed-last") == rows
    for name in (ORDERS, HISTORY):
        first, last = (indexes(live_generation(tmp_path / kind, name)) for kind in ("indexed-first", "indexed-last"))
        assert first == last
