"""A retry folds the readable facts of a parked order, as if they had been readable from the beginning."""

import asyncio
import decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st
from tests.log.memory import MemoryLog
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder, remove
from tests.projections.older_release import hide_events
from tests.projections.random_log import ORDER_IDS, PARTITIONS, LogSteps, build_log, log_steps, project
from tests.projections.stored_rows import read_rows
from tests.schema.event_cases import NEWEST

from ordertrail_server.log.port import BARRIER
from ordertrail_server.projections.projector import Projector
from ordertrail_server.projections.projector_error import PositionMoved, ReadModelRefused
from ordertrail_server.storage.connection import connect_writer
from ordertrail_server.storage.sqlite import sqlite3

Rows = dict[str, list[tuple[object, ...]]]
EVENTS = ["order_placed", "order_line_added", "order_line_removed", "order_confirmed"]


async def open_projector(builder: LogBuilder, path: Path, hot_orders: int = 100) -> tuple[Projector, MemoryLog]:
    """Return a projector that has folded a builder."""
    log = MemoryLog(partitions=len(builder.records))
    for partition, entries in enumerate(builder.records):
        await log.append(partition, entries)
    projector = await Projector.open(log, path, hot_orders=hot_orders)
    await projector.catch_up()
    return projector, log


async def fold_anew(log: MemoryLog, path: Path) -> Rows:
    """Return the rows of a new fold of the log from the beginning."""
    await project(log, path, batch=1_000, hot_orders=1_000)
    return rows_without_retries(path)


def rows_without_retries(path: Path) -> Rows:
    """Return all rows, without the count of retries, which a new fold does not have."""
    model = read_rows(path)
    model["positions"] = [row[:3] for row in model["positions"]]
    return model


def build_log_of_one_order() -> LogBuilder:
    builder = LogBuilder()
    for event in (PLACED, PLUM_ADDED, remove("apple"), CONFIRMED):
        builder.add_fact("order-1", event)
    return builder


@pytest.mark.parametrize("hot_orders", [0, 100])
@pytest.mark.parametrize("unknown", EVENTS)
async def test_retry_folds_facts_that_are_readable_now_and_unparks_the_order(
    tmp_path: Path, unknown: str, hot_orders: int
) -> None:
    with hide_events(unknown):
        projector, log = await open_projector(build_log_of_one_order(), tmp_path / "model", hot_orders)
    waiting_count = 4 - EVENTS.index(unknown)
    assert len(read_rows(tmp_path / "model")["parked"]) == waiting_count
    assert projector.retry("order-1") == waiting_count
    assert rows_without_retries(tmp_path / "model") == await fold_anew(log, tmp_path / "fresh")
    assert projector.retry("order-1") is None
    projector.close()


async def test_facts_after_a_retry_are_folded_on_its_result(tmp_path: Path) -> None:
    builder = build_log_of_one_order()
    with hide_events("order_line_added"):
        projector, log = await open_projector(builder, tmp_path / "model")
    projector.retry("order-1")
    builder.add_statement("order-2")
    builder.add_repetition("order-1", version=2)
    await log.append(0, builder.records[0][4:])
    await projector.catch_up()
    projector.close()
    assert rows_without_retries(tmp_path / "model") == await fold_anew(log, tmp_path / "fresh")


async def test_facts_that_are_still_unreadable_wait_with_the_new_reason(tmp_path: Path) -> None:
    with hide_events("order_line_added"):
        projector, _ = await open_projector(build_log_of_one_order(), tmp_path / "model")
    with hide_events("order_line_removed"):
        assert projector.retry("order-1") == 1
    projector.close()
    model = read_rows(tmp_path / "model")
    number = NEWEST["OrderLineRemoved"].number
    fault = f"the record holds an event of number {number}, which this release does not know"
    assert [(row[0], row[2]) for row in model["parked"]] == [(2, fault), (3, fault)]
    assert [row[:4] for row in model["orders"]] == [("order-1", 4, model["orders"][0][2], fault)]
    assert [row[:2] for row in model["parked_orders"]] == [("order-1", 2)]


async def test_retry_of_an_order_without_readable_facts_changes_nothing(tmp_path: Path) -> None:
    with hide_events("order_placed"):
        projector, _ = await open_projector(build_log_of_one_order(), tmp_path / "model")
        rows_before = rows_without_retries(tmp_path / "model")
        assert projector.retry("order-1") == 0
    projector.close()
    assert rows_without_retries(tmp_path / "model") == rows_before


async def test_each_waiting_fact_keeps_its_own_fault(tmp_path: Path) -> None:
    with hide_events("order_line_added", "order_confirmed"):
        projector, _ = await open_projector(build_log_of_one_order(), tmp_path / "model")
    projector.close()
    number = "the record holds an event of number {}, which this release does not know"
    assert [row[2] for row in read_rows(tmp_path / "model")["parked"]] == [
        number.format(21),
        number.format(21),
        number.format(25),
    ]


async def test_order_parked_by_an_upcaster_error_is_retried_after_the_cause_is_fixed(
    tmp_path: Path,
) -> None:
    builder = LogBuilder()
    builder.add_statement("order-1")
    builder.add_fact("order-1", PLUM_ADDED)
    with decimal.localcontext(prec=5):  # as a library in the process might leave it
        projector, log = await open_projector(builder, tmp_path / "model")
    reasons = [row[2] for row in read_rows(tmp_path / "model")["parked"]]
    assert "ordertrail.events.v1.OrderPlaced failed with InvalidOperation" in str(reasons[0])
    assert projector.retry("order-1") == 2
    projector.close()
    assert rows_without_retries(tmp_path / "model") == await fold_anew(log, tmp_path / "fresh")


async def test_retry_leaves_an_order_with_a_broken_chain_parked(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_broken_record("order-1")
    builder.add_fact("order-1", CONFIRMED)
    builder.add_broken_record("order-2")
    projector, _ = await open_projector(builder, tmp_path / "model")
    rows_before = rows_without_retries(tmp_path / "model")
    assert (projector.retry("order-1"), projector.retry("order-2")) == (0, 0)
    projector.close()
    assert rows_without_retries(tmp_path / "model") == rows_before


async def test_retry_folds_facts_before_the_record_that_broke_the_chain(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_fact("order-1", PLUM_ADDED)
    builder.add_broken_record("order-1")
    builder.add_fact("order-1", CONFIRMED)
    with hide_events("order_line_added"):
        projector, log = await open_projector(builder, tmp_path / "model")
    assert projector.retry("order-1") == 1
    projector.close()
    model = rows_without_retries(tmp_path / "model")
    assert model == await fold_anew(log, tmp_path / "fresh")
    assert model["orders"][0][3] == "its chain is broken at offset 2"


async def test_retry_of_an_unparked_or_unknown_order_does_nothing(tmp_path: Path) -> None:
    projector, _ = await open_projector(build_log_of_one_order(), tmp_path / "model")
    rows_before = read_rows(tmp_path / "model")
    assert (projector.retry("order-1"), projector.retry("order-2")) == (None, None)
    projector.close()
    assert read_rows(tmp_path / "model") == rows_before


event_names = st.sets(st.sampled_from(EVENTS))


@settings(max_examples=150)
@given(log_steps, event_names, event_names, st.integers(0, 60), st.integers(0, 3))
def test_retries_at_any_time_give_the_rows_of_a_fold_that_knows_all_events(
    steps: LogSteps, unknown: set[str], later_unknown: set[str], cut: int, hot_orders: int
) -> None:
    async def compare(directory: Path) -> None:
        log = await build_log(steps)
        all_records, log.records = log.records, [records[:cut] for records in log.records]
        projector = await Projector.open(log, directory / "retried", batch=7, hot_orders=hot_orders)
        with hide_events(*unknown):
            await projector.catch_up()
        with hide_events(*later_unknown):
            for order_id in ORDER_IDS:
                projector.retry(order_id)
            log.records = all_records
            await projector.catch_up()
        for order_id in ORDER_IDS:
            projector.retry(order_id)
        projector.close()
        assert rows_without_retries(directory / "retried") == await fold_anew(log, directory / "fresh")

    with TemporaryDirectory() as directory:
        asyncio.run(compare(Path(directory)))


@settings(max_examples=50)
@given(log_steps, event_names)
def test_every_record_is_counted_once_by_the_number_of_its_event(steps: LogSteps, unknown: set[str]) -> None:
    async def count(directory: Path) -> None:
        log = await build_log(steps)
        projector = await Projector.open(log, directory / "model", batch=7)
        with hide_events(*unknown):
            await projector.catch_up()
        for order_id in ORDER_IDS:
            projector.retry(order_id)
        projector.close()
        written = read_rows(directory / "model")["written"]
        for partition in range(PARTITIONS):
            counts = [count for of, _, count in written if of == partition]
            records = [logged for logged in log.records[partition] if logged[1:3] != BARRIER]
            assert sum(counts) == len(records)  # type: ignore[arg-type]

    with TemporaryDirectory() as directory:
        asyncio.run(count(Path(directory)))


async def test_failed_retry_changes_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    with hide_events("order_line_added"):
        projector, log = await open_projector(build_log_of_one_order(), tmp_path / "model")
    with connect_writer(tmp_path / "model", "NORMAL") as writer:
        writer.execute("CREATE TRIGGER no_room BEFORE INSERT ON event_products BEGIN SELECT raise(ABORT, 'full'); END")
    rows_before = read_rows(tmp_path / "model")
    with pytest.raises(sqlite3.IntegrityError):
        projector.retry("order-1")
    assert read_rows(tmp_path / "model") == rows_before
    writer.execute("DROP TRIGGER no_room")
    writer.close()
    assert projector.retry("order-1") == 3
    projector.close()
    assert rows_without_retries(tmp_path / "model") == await fold_anew(log, tmp_path / "fresh")


async def test_projector_stops_after_a_retry_by_another_projector(tmp_path: Path) -> None:
    builder = build_log_of_one_order()
    with hide_events("order_line_added"):
        first, log = await open_projector(builder, tmp_path / "model")
        second = await Projector.open(log, tmp_path / "model")
    assert first.retry("order-1") == 3
    builder.add_fact("order-1", PLUM_ADDED)
    await log.append(0, builder.records[0][4:])
    rows_before = read_rows(tmp_path / "model")
    with pytest.raises(PositionMoved):
        await second.catch_up()
    assert read_rows(tmp_path / "model") == rows_before
    first.close()
    second.close()


async def test_waiting_records_that_are_no_chain_are_damage(tmp_path: Path) -> None:
    with hide_events("order_line_added"):
        projector, _ = await open_projector(build_log_of_one_order(), tmp_path / "model")
    with connect_writer(tmp_path / "model", "NORMAL") as writer:
        writer.execute("DELETE FROM parked WHERE position = 1")
    writer.close()
    rows_before = read_rows(tmp_path / "model")
    with pytest.raises(ReadModelRefused, match="the parked order order-1 in the read model are damaged"):
        projector.retry("order-1")
    projector.close()
    assert read_rows(tmp_path / "model") == rows_before
