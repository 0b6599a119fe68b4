"""The rows are the same however the log is split into batches and whenever a projector stops."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st
from tests.log.memory import MemoryLog
from tests.projections.log_builder import build_many_orders
from tests.projections.random_log import PARTITIONS, LogSteps, build_log, compute_verdicts, log_steps, project
from tests.projections.stored_rows import indexes, read_rows

from ordertrail_server.log.port import Logged
from ordertrail_server.projections import projector as projecting
from ordertrail_server.projections.projector import Projector
from ordertrail_server.projections.projector_error import PositionMoved


@settings(max_examples=100)
@given(log_steps, st.integers(1, 40), st.integers(0, 3))
def test_any_split_into_batches_gives_the_same_rows(steps: LogSteps, batch: int, hot_orders: int) -> None:
    async def compare(directory: Path) -> None:
        log = await build_log(steps)
        await project(log, directory / "at-once", batch=1_000, hot_orders=1_000)
        await project(log, directory / "split", batch, hot_orders)
        assert read_rows(directory / "at-once") == read_rows(directory / "split")

    with TemporaryDirectory() as directory:
        asyncio.run(compare(Path(directory)))


@settings(max_examples=50)
@given(log_steps, st.lists(st.integers(1, 20), min_size=1))
def test_restarted_projector_resumes_at_its_position(steps: LogSteps, stops: list[int]) -> None:
    async def compare(directory: Path) -> None:
        log = await build_log(steps)
        await project(log, directory / "never-stopped", batch=1_000, hot_orders=1_000)
        all_records, log.records = log.records, [[] for _ in range(PARTITIONS)]
        for stop in (*stops, 1_000):
            log.records = [
                records[: len(earlier_records) + stop]
                for records, earlier_records in zip(all_records, log.records, strict=True)
            ]
            await project(log, directory / "stopped", batch=7, hot_orders=1_000)
        assert read_rows(directory / "never-stopped") == read_rows(directory / "stopped")

    with TemporaryDirectory() as directory:
        asyncio.run(compare(Path(directory)))


@settings(max_examples=50)
@given(log_steps)
def test_every_offset_is_stored_once_with_the_verdict_of_the_chain_rule(steps: LogSteps) -> None:
    async def check_verdicts(directory: Path) -> None:
        log = await build_log(steps)
        await project(log, directory / "model", batch=10, hot_orders=2)
        model = read_rows(directory / "model")
        verdicts: list[tuple[object, object]] = [
            (row[0], "fact") for table in ("events", "parked") for row in model[table]
        ]
        verdicts += [(row[0], row[1]) for row in model["not_facts"]]
        assert sorted(verdicts, key=repr) == sorted(compute_verdicts(log), key=repr)

    with TemporaryDirectory() as directory:
        asyncio.run(check_verdicts(Path(directory)))


async def test_two_projectors_on_one_file_never_fold_a_record_twice(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append(0, build_many_orders(40))
    await project(log, tmp_path / "alone", batch=1_000, hot_orders=1_000)
    first = await Projector.open(log, tmp_path / "shared", batch=7)
    second = await Projector.open(log, tmp_path / "shared", batch=11)
    await first.catch_up()
    with pytest.raises(PositionMoved):
        await second.catch_up()
    first.close()
    second.close()
    assert read_rows(tmp_path / "shared") == read_rows(tmp_path / "alone")


async def test_progress_is_reported_after_each_commit(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append(0, build_many_orders(4))
    projector = await Projector.open(log, tmp_path / "model", batch=5)
    reports: list[tuple[int, object]] = []
    await projector.catch_up(
        lambda positions: reports.append((positions[0], read_rows(tmp_path / "model")["positions"][0][1]))
    )
    projector.close()
    assert reports == [(5, 5), (10, 10), (12, 12)]


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
    projector = await Projector.open(log, tmp_path / "model")
    reports: list[Mapping[int, int]] = []
    for _ in range(3):
        await projector.catch_up(reports.append)
    assert (reports, projector.positions) == ([{0: 12}, {0: 14}], {0: 14})
    projector.close()
    assert read_rows(tmp_path / "model")["positions"][0][1] == 12  # next to the digest of an existing record


async def test_long_log_is_loaded_before_its_indexes_are_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = MemoryLog()
    await log.append(0, build_many_orders(30))
    log.land(0, build_many_orders(1)[0])  # void: its judgement needs the digest of an older fact
    await project(log, tmp_path / "indexed-first", batch=10, hot_orders=0)
    monkeypatch.setattr(projecting, "BULK", 20)
    index_states: list[bool] = []
    projector = await Projector.open(log, tmp_path / "indexed-last", batch=10, hot_orders=0)
    await projector.catch_up(
        lambda positions: index_states.append("orders_by_time" in indexes(tmp_path / "indexed-last"))
    )
    projector.close()
    assert index_states == [False] * 8 + [True] * 2
    assert indexes(tmp_path / "indexed-last") == indexes(tmp_path / "indexed-first")
    assert read_rows(tmp_path / "indexed-last") == read_rows(tmp_path / "indexed-first")
