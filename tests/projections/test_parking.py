"""Facts that cannot be folded park their order; all other orders are folded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.projections.engine_files import FoldedRows, project_records
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder, remove
from tests.projections.stored_rows import Rows, stored_events
from tests.schema.upcaster_errors import UPCASTER_ERRORS, build_failing_upcaster

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.registry import READERS


def find_order_row(rows: Rows, order_id: str) -> tuple[Any, ...]:
    [row] = [row for row in rows["orders"] if row[0] == order_id]
    return row


def read_state(rows: Rows, order_id: str) -> Order:
    return Order.FromString(find_order_row(rows, order_id)[6])


def find_head(rows: FoldedRows, order_id: str) -> tuple[object, ...]:
    """Return version, head and reason of an order, after checking that both projections know the reason."""
    _, version, head, reason, *_ = find_order_row(rows.orders, order_id)
    assert [row[1] for row in rows.history["parked_orders"] if row[0] == order_id] == ([reason] if reason else [])
    return version, head, reason


def waiting_facts(rows: FoldedRows) -> list[tuple[object, ...]]:
    """Return position, order id and reason of the waiting facts, which are the same in both projections."""
    assert rows.orders["ordertrail_waiting"] == rows.history["ordertrail_waiting"]
    return rows.orders["ordertrail_waiting"]


async def test_unknown_event_parks_its_order_and_later_facts_wait_in_order(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_future_event("order-1")
    builder.add_fact("order-2", PLACED)
    builder.add_fact("order-1", CONFIRMED)
    builder.add_fact("order-2", CONFIRMED)
    rows = await project_records(builder, tmp_path)
    future = builder.records[0][1].value
    reading = read(future)
    assert reading is not None
    assert waiting_facts(rows) == [(1, "order-1", reading.fault), (3, "order-1", reading.fault)]
    assert find_head(rows, "order-1") == (3, builder.head("order-1"), reading.fault)
    assert read_state(rows.orders, "order-1").version == 1
    assert [(event.order_id, event.order_version) for event in stored_events(rows.history)] == [
        ("order-1", 1),
        ("order-2", 1),
        ("order-2", 2),
    ]


async def test_fact_that_does_not_fold_parks_its_order(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_fact("order-1", remove("never ordered"))
    rows = await project_records(builder, tmp_path)
    assert find_head(rows, "order-1")[2] == "cannot be folded: 'never ordered' is not on the order"
    assert [row[0] for row in waiting_facts(rows)] == [1]


@pytest.mark.parametrize("error", UPCASTER_ERRORS.values(), ids=UPCASTER_ERRORS)
async def test_upcaster_that_fails_parks_only_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    builder = LogBuilder()
    builder.add_statement("order-1")
    builder.add_fact("order-2", PLACED)
    monkeypatch.setitem(READERS, 10, READERS[10]._replace(read=build_failing_upcaster(error)))
    rows = await project_records(builder, tmp_path)
    reading = read(builder.records[0][0].value)
    assert reading is not None
    assert find_head(rows, "order-1")[2] == reading.fault
    assert find_head(rows, "order-2")[2] is None
    assert waiting_facts(rows) == [(0, "order-1", reading.fault)]


async def test_broken_record_parks_its_order_and_has_no_other_effect(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_broken_record("order-1")
    builder.add_fact("order-1", CONFIRMED)
    rows = await project_records(builder, tmp_path)
    assert [row[:3] for row in rows.orders["not_links"]] == [(1, "broken", "order-1")]
    assert find_head(rows, "order-1") == (2, builder.head("order-1"), "its chain is broken at offset 1")
    assert [row[0] for row in waiting_facts(rows)] == [2]


@pytest.mark.parametrize("damage", [LogBuilder.add_future_event, LogBuilder.add_broken_record])
async def test_order_without_a_folded_fact_is_stored_as_parked(
    tmp_path: Path, damage: Callable[[LogBuilder, str], None]
) -> None:
    builder = LogBuilder()
    damage(builder, "order-1")
    rows = await project_records(builder, tmp_path)
    _, version, _, reason, status, _, state, *_ = find_order_row(rows.orders, "order-1")
    assert (version, status, state) == (builder.version("order-1"), 0, None)
    assert reason == find_head(rows, "order-1")[2] != ""
    assert rows.orders["parked_orders"] == [("order-1", 0, 1_750_000_001 * 10**9)]
    assert rows.history["parked_orders"] == [("order-1", reason, 0)]
    assert not rows.history["events"]


async def test_records_of_a_parked_order_are_still_judged(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_future_event("order-1")
    builder.add_fact("order-1", PLUM_ADDED)
    builder.add_repetition("order-1", version=2)
    builder.add_repetition("order-1", version=3)
    rows = await project_records(builder, tmp_path)
    assert [row[:3] for row in rows.orders["not_links"]] == [(3, "void", "order-1"), (4, "void", "order-1")]
    assert find_head(rows, "order-1")[:2] == (3, builder.head("order-1"))


async def test_refusal_of_a_command_on_a_parked_order_is_a_link(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_future_event("order-1")
    builder.add_refusal("order-1")
    builder.add_fact("order-1", CONFIRMED)
    rows = await project_records(builder, tmp_path)
    assert [(row[1], row[2], row[7]) for row in rows.orders["links"]] == [(1, 0, 0), (2, 1, 0), (2, 2, 1), (3, 3, 0)]
    assert [row[0] for row in waiting_facts(rows)] == [1, 3]
    assert find_head(rows, "order-1")[:2] == (3, builder.head("order-1"))


async def test_parked_order_keeps_its_first_reason(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_broken_record("order-1")
    builder.add_broken_record("order-1")
    builder.add_future_event("order-1")
    rows = await project_records(builder, tmp_path)
    assert find_head(rows, "order-1")[2] == "its chain is broken at offset 1"
    assert [row[:2] for row in rows.orders["not_links"]] == [(1, "broken"), (2, "broken")]
    assert rows.history["parked_orders"] == [("order-1", "its chain is broken at offset 1", 1)]
