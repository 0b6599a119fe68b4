"""A retry folds the readable facts of a parked order, as if they had been readable from the beginning."""

import decimal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.log.memory import MemoryLog
from tests.projections.engine_files import open_history_engine, project, read_folded_rows
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder, create_log, remove
from tests.projections.older_release import hide_events
from tests.schema.event_cases import NEWEST

from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.projections.engine import Engine
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.projection_error import PositionMoved, ProjectionRefused
from ordertrail_server.storage.checked.connection import connect_checked_writer
from ordertrail_server.storage.sqlite import sqlite3

pytestmark = pytest.mark.usefixtures("frequent_snapshots")

EVENTS = ["order_placed", "order_line_added", "order_line_removed", "order_confirmed"]


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """Return the directory of the retried files; another fold of the same log goes to tmp_path / "new"."""
    return tmp_path / "live"


async def open_folded(builder: LogBuilder, directory: Path, cache_bytes: int = 1_000_000) -> tuple[Engine, MemoryLog]:
    """Return an engine that has folded the records of a builder, and their log."""
    log = await create_log(builder)
    engine = await open_history_engine(log, directory, cache_bytes=cache_bytes)
    await engine.catch_up()
    return engine, log


async def assert_rows_of_a_new_fold(live: Path, log: MemoryLog) -> None:
    """Assert that the files have the rows of a fold of the log from the beginning, apart from the retries."""
    new_rows = await project(log, live.parent / "new")
    assert read_folded_rows(live).without_retries() == new_rows.without_retries()


def build_log_of_one_order() -> LogBuilder:
    builder = LogBuilder()
    for event in (PLACED, PLUM_ADDED, remove("apple"), CONFIRMED):
        builder.add_fact("order-1", event)
    return builder


@pytest.mark.parametrize("cache_bytes", [0, 1_000_000])
@pytest.mark.parametrize("unknown", EVENTS)
async def test_retry_folds_facts_that_are_readable_now_and_unparks_the_order(
    live: Path, unknown: str, cache_bytes: int
) -> None:
    with hide_events(unknown):
        engine, log = await open_folded(build_log_of_one_order(), live, cache_bytes)
    waiting_count = 4 - EVENTS.index(unknown)
    for rows_of in read_folded_rows(live):
        assert len(rows_of["ordertrail_waiting"]) == waiting_count
    assert await engine.retry("order-1") == waiting_count
    await assert_rows_of_a_new_fold(live, log)
    assert await engine.retry("order-1") is None
    engine.close()


async def test_facts_after_a_retry_are_folded_on_its_result(live: Path) -> None:
    builder = build_log_of_one_order()
    with hide_events("order_line_added"):
        engine, log = await open_folded(builder, live)
    await engine.retry("order-1")
    builder.add_statement("order-2")
    builder.add_repetition("order-1", version=2)
    await log.append(0, builder.records[0][4:])
    await engine.catch_up()
    engine.close()
    await assert_rows_of_a_new_fold(live, log)


async def test_facts_that_are_still_unreadable_wait_with_the_new_reason(live: Path) -> None:
    with hide_events("order_line_added"):
        engine, _ = await open_folded(build_log_of_one_order(), live)
    with hide_events("order_line_removed"):
        assert await engine.retry("order-1") == 1
    engine.close()
    orders, history = read_folded_rows(live)
    number = NEWEST["OrderLineRemoved"].number
    fault = f"the record holds an event of number {number}, which this release does not know"
    for rows_of in (orders, history):
        assert rows_of["ordertrail_waiting"] == [(2, "order-1", fault), (3, "order-1", fault)]
        assert [row[0] for row in rows_of["parked_orders"]] == ["order-1"]
    assert [(row[0], row[1], row[3]) for row in orders["orders"]] == [("order-1", 4, fault)]
    assert history["parked_orders"] == [("order-1", fault, 2)]


async def test_retry_of_an_order_without_readable_facts_changes_nothing(live: Path) -> None:
    with hide_events("order_placed"):
        engine, _ = await open_folded(build_log_of_one_order(), live)
        rows_before = read_folded_rows(live).without_retries()
        assert await engine.retry("order-1") == 0
    engine.close()
    assert read_folded_rows(live).without_retries() == rows_before


async def test_each_waiting_fact_keeps_its_own_fault(live: Path) -> None:
    with hide_events("order_line_added", "order_confirmed"):
        engine, _ = await open_folded(build_log_of_one_order(), live)
    engine.close()
    number = "the record holds an event of number {}, which this release does not know"
    reasons = [number.format(21), number.format(21), number.format(25)]
    for rows_of in read_folded_rows(live):
        assert [row[2] for row in rows_of["ordertrail_waiting"]] == reasons


async def test_order_parked_by_an_upcaster_error_is_retried_after_the_cause_is_fixed(
    live: Path,
) -> None:
    builder = LogBuilder()
    builder.add_statement("order-1")
    builder.add_fact("order-1", PLUM_ADDED)
    with decimal.localcontext(prec=5):  # as a library in the process might leave it
        engine, log = await open_folded(builder, live)
    reasons = [row[2] for row in read_folded_rows(live).orders["ordertrail_waiting"]]
    assert "ordertrail.events.v1.OrderPlaced failed with InvalidOperation" in str(reasons[0])
    assert await engine.retry("order-1") == 2
    engine.close()
    await assert_rows_of_a_new_fold(live, log)


async def test_retry_leaves_an_order_with_a_broken_chain_parked(live: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_broken_record("order-1")
    builder.add_fact("order-1", CONFIRMED)
    builder.add_broken_record("order-2")
    engine, _ = await open_folded(builder, live)
    rows_before = read_folded_rows(live).without_retries()
    assert (await engine.retry("order-1"), await engine.retry("order-2")) == (0, 0)
    engine.close()
    assert read_folded_rows(live).without_retries() == rows_before


async def test_retry_folds_facts_before_the_record_that_broke_the_chain(live: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_fact("order-1", PLUM_ADDED)
    builder.add_broken_record("order-1")
    builder.add_fact("order-1", CONFIRMED)
    with hide_events("order_line_added"):
        engine, log = await open_folded(builder, live)
    assert await engine.retry("order-1") == 1
    engine.close()
    await assert_rows_of_a_new_fold(live, log)
    orders, history = read_folded_rows(live)
    assert orders["orders"][0][3] == history["parked_orders"][0][1] == "its chain is broken at offset 2"


async def test_retry_of_an_unparked_or_unknown_order_does_nothing(live: Path) -> None:
    engine, _ = await open_folded(build_log_of_one_order(), live)
    rows_before = read_folded_rows(live)
    assert (await engine.retry("order-1"), await engine.retry("order-2")) == (None, None)
    engine.close()
    assert read_folded_rows(live) == rows_before


async def test_retry_that_fails_in_orders_changes_nothing_and_can_be_repeated(live: Path) -> None:
    with hide_events("order_line_added"):
        engine, log = await open_folded(build_log_of_one_order(), live)
    rows_before = read_folded_rows(live)
    with fail_writes(live_generation(live, ORDERS), "UPDATE ON orders"), pytest.raises(sqlite3.IntegrityError):
        await engine.retry("order-1")
    assert read_folded_rows(live) == rows_before
    assert await engine.retry("order-1") == 3
    engine.close()
    await assert_rows_of_a_new_fold(live, log)


async def test_retry_that_fails_in_another_projection_is_completed_when_its_file_is_opened_again(live: Path) -> None:
    with hide_events("order_line_added"):
        engine, log = await open_folded(build_log_of_one_order(), live)
    _, history_before = read_folded_rows(live)
    file = live_generation(live, HISTORY)
    with fail_writes(file, "INSERT ON event_products"), closing(engine):
        assert await engine.retry("order-1") == 3
        assert list(engine.stopped) == [HISTORY]
    assert read_folded_rows(live).history == history_before
    await project(log, live)
    await assert_rows_of_a_new_fold(live, log)


@contextmanager
def fail_writes(file: Path, writes: str) -> Iterator[None]:
    """Let the writes fail that a trigger can catch, as on a full disk."""
    with closing(connect_checked_writer(file, "NORMAL")) as writer:
        writer.execute(f"CREATE TRIGGER no_room BEFORE {writes} BEGIN SELECT raise(ABORT, 'full'); END")
        yield
        writer.execute("DROP TRIGGER no_room")


async def test_engine_stops_after_a_retry_by_another_engine(live: Path) -> None:
    builder = build_log_of_one_order()
    with hide_events("order_line_added"):
        first, log = await open_folded(builder, live)
        second = await open_history_engine(log, live)
    assert await first.retry("order-1") == 3
    builder.add_fact("order-1", PLUM_ADDED)
    await log.append(0, builder.records[0][4:])
    rows_before = read_folded_rows(live)
    with pytest.raises(PositionMoved):
        await second.catch_up()
    assert read_folded_rows(live) == rows_before
    first.close()
    second.close()


@pytest.mark.parametrize("position", [1, 3], ids=["first", "last"])
async def test_waiting_facts_that_are_not_complete_are_damage(live: Path, position: int) -> None:
    with hide_events("order_line_added"):
        engine, _ = await open_folded(build_log_of_one_order(), live)
    with closing(connect_checked_writer(live_generation(live, ORDERS), "NORMAL")) as writer:
        writer.execute("DELETE FROM ordertrail_waiting WHERE position = ?", (position,))
    rows_before = read_folded_rows(live)
    with (
        closing(engine),
        pytest.raises(ProjectionRefused, match="waiting facts of the parked order order-1 are damaged"),
    ):
        await engine.retry("order-1")
    assert read_folded_rows(live) == rows_before
