"""However the log is cut into batches, whoever folds them, and whenever they stop: the same rows."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st
from tests.log.memory import MemoryLog
from tests.projections.story import CONFIRMED, PLACED, PLUM_ADDED, Story, indexes, many_orders, remove, rows

from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import LogDamaged
from ordertrail_server.log.sqlite import connect_writer
from ordertrail_server.orders.chain import NO_PREDECESSOR, Verdict, judge
from ordertrail_server.projections import projector as projecting
from ordertrail_server.projections.projector import Projector
from ordertrail_server.projections.refused import PositionMoved, ReadModelRefused
from ordertrail_server.schema.reading import read

PARTITIONS = 2
IDS = [f"order-{number}" for number in range(5)]


def _next_fact(story: Story, order_id: str) -> None:
    events = (PLACED, PLUM_ADDED, remove("apple"), CONFIRMED)
    story.fact(order_id, events[min(story.version(order_id), 3)])


def _begin(story: Story, order_id: str) -> None:
    if story.version(order_id) == 0:
        story.statement(order_id)


def _repeat(story: Story, order_id: str) -> None:
    if story.version(order_id):
        story.repeat(order_id, version=1 + story.version(order_id) // 2)


def _late(story: Story, order_id: str) -> None:
    if story.version(order_id):
        story.late(order_id, follows=story.version(order_id) - 1)


STEPS: list[Callable[[Story, str], None]] = [
    *(_next_fact,) * 6,
    *(_begin, _repeat, _repeat, _late),
    *(Story.future, Story.broken, Story.unreadable, Story.misplaced),
    lambda story, order_id: story.fact(order_id, remove("never ordered")),
    lambda story, order_id: story.fact(order_id, CONFIRMED, seconds=5),
]

Happened = list[tuple[Callable[[Story, str], None], str]]
happenings = st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(IDS)), max_size=60)


async def log_of(happened: Happened) -> MemoryLog:
    story = Story(PARTITIONS)
    for step, order_id in happened:
        step(story, order_id)
    log = MemoryLog(partitions=PARTITIONS)
    for partition, entries in enumerate(story.records):
        await log.append(partition, entries)
    return log


async def project(log: MemoryLog, path: Path, batch: int, hot_orders: int) -> None:
    projector = await Projector.open(log, path, batch, hot_orders)
    try:
        await projector.catch_up()
    finally:
        projector.close()


@settings(max_examples=100, deadline=None)
@given(happenings, st.integers(1, 40), st.integers(0, 3))
def test_any_split_into_batches_gives_the_same_rows(happened: Happened, batch: int, hot_orders: int) -> None:
    async def compare(directory: Path) -> None:
        log = await log_of(happened)
        await project(log, directory / "at-once", batch=1_000, hot_orders=1_000)
        await project(log, directory / "split", batch, hot_orders)
        assert rows(directory / "at-once") == rows(directory / "split")

    with TemporaryDirectory() as directory:
        asyncio.run(compare(Path(directory)))


@settings(max_examples=50, deadline=None)
@given(happenings, st.lists(st.integers(1, 20), min_size=1))
def test_a_projector_that_is_stopped_and_opened_anew_goes_on_where_it_was(happened: Happened, stops: list[int]) -> None:
    async def compare(directory: Path) -> None:
        log = await log_of(happened)
        await project(log, directory / "never-stopped", batch=1_000, hot_orders=1_000)
        whole, log.records = log.records, [[] for _ in range(PARTITIONS)]
        for stop in (*stops, 1_000):
            log.records = [all_[: len(some) + stop] for all_, some in zip(whole, log.records, strict=True)]
            await project(log, directory / "stopped", batch=7, hot_orders=1_000)
        assert rows(directory / "never-stopped") == rows(directory / "stopped")

    with TemporaryDirectory() as directory:
        asyncio.run(compare(Path(directory)))


@settings(max_examples=50, deadline=None)
@given(happenings)
def test_every_offset_is_accounted_for_once_and_as_the_chain_rule_judges_it(happened: Happened) -> None:
    async def account(directory: Path) -> None:
        log = await log_of(happened)
        await project(log, directory / "model", batch=10, hot_orders=2)
        model = rows(directory / "model")
        held: list[tuple[object, object]] = [(row[0], "fact") for table in ("events", "parked") for row in model[table]]
        held += [(row[0], row[1]) for row in model["not_facts"]]
        assert sorted(held, key=repr) == sorted(judged(log), key=repr)

    with TemporaryDirectory() as directory:
        asyncio.run(account(Path(directory)))


def judged(log: MemoryLog) -> list[tuple[int, str]]:
    """The position and verdict of every record, by the rule itself over plain lists of facts."""
    verdicts = []
    facts: dict[str, list[bytes]] = {}
    for partition, records in enumerate(log.records):
        for logged in records:
            reading = read(logged.value)
            home = partition_of(logged.key, PARTITIONS)
            if reading is None or reading.event.order_id != logged.key or home != partition:
                verdicts.append((partition << 48 | logged.offset, "foreign"))
                continue
            chain = facts.setdefault(logged.key, [])
            event, head = reading.event, chain[-1] if chain else NO_PREDECESSOR
            verdict = judge(len(chain), head, event.order_version, event.previous, _digest_in(chain))
            if verdict is Verdict.FACT:
                chain.append(logged.digest)
            verdicts.append((partition << 48 | logged.offset, verdict.value))
    return verdicts


def _digest_in(chain: list[bytes]) -> Callable[[int], bytes | None]:
    return lambda version: chain[version - 1]


async def test_two_projectors_on_one_file_never_fold_a_record_twice(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append(0, many_orders(40))
    await project(log, tmp_path / "alone", batch=1_000, hot_orders=1_000)
    first = await Projector.open(log, tmp_path / "shared", batch=7)
    second = await Projector.open(log, tmp_path / "shared", batch=11)
    await first.catch_up()
    with pytest.raises(PositionMoved):
        await second.catch_up()
    first.close()
    second.close()
    assert rows(tmp_path / "shared") == rows(tmp_path / "alone")


async def test_progress_is_told_after_each_commit(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append(0, many_orders(4))
    projector = await Projector.open(log, tmp_path / "model", batch=5)
    told: list[tuple[int, object]] = []
    await projector.catch_up(lambda positions: told.append((positions[0], rows(tmp_path / "model")["positions"][0][1])))
    projector.close()
    assert told == [(5, 5), (10, 10), (12, 12)]


async def test_a_long_log_is_loaded_before_it_is_indexed_and_gives_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = MemoryLog()
    await log.append(0, many_orders(30))
    log.land(0, many_orders(1)[0])  # void: its judgement needs the digest of an older fact
    await project(log, tmp_path / "indexed-first", batch=10, hot_orders=0)
    monkeypatch.setattr(projecting, "BULK", 20)
    seen: list[bool] = []
    projector = await Projector.open(log, tmp_path / "indexed-last", batch=10, hot_orders=0)
    await projector.catch_up(lambda positions: seen.append("orders_by_time" in indexes(tmp_path / "indexed-last")))
    projector.close()
    assert seen == [False] * 8 + [True] * 2
    assert indexes(tmp_path / "indexed-last") == indexes(tmp_path / "indexed-first")
    assert rows(tmp_path / "indexed-last") == rows(tmp_path / "indexed-first")


async def test_a_read_model_of_another_log_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    log, other = MemoryLog(), MemoryLog()
    await log.append(0, many_orders(2))
    await project(log, tmp_path / "model", batch=10, hot_orders=10)
    before = rows(tmp_path / "model")
    with pytest.raises(ReadModelRefused, match="model was built from another log"):
        await Projector.open(other, tmp_path / "model")
    assert rows(tmp_path / "model") == before


async def test_a_log_that_lost_its_end_or_was_changed_is_refused(tmp_path: Path) -> None:
    log = MemoryLog()
    await log.append(0, many_orders(2))
    await project(log, tmp_path / "model", batch=10, hot_orders=10)
    last = log.records[0].pop()
    with pytest.raises(LogDamaged, match="ends at offset 5"):
        await Projector.open(log, tmp_path / "model")
    log.land(0, many_orders(3)[-1])
    assert log.records[0][-1].digest != last.digest
    with pytest.raises(LogDamaged, match="is not the one"):
        await Projector.open(log, tmp_path / "model")


async def test_a_read_model_of_other_code_under_this_name_is_refused(tmp_path: Path) -> None:
    log = MemoryLog()
    await project(log, tmp_path / "model", batch=10, hot_orders=10)
    with closing(connect_writer(tmp_path / "model", "NORMAL")) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'definition'", (b"?" * 32,))
    with pytest.raises(ReadModelRefused, match="built by other code"):
        await Projector.open(log, tmp_path / "model")
