"""Facts that cannot be folded park their order; all other orders are folded."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder, remove
from tests.projections.stored_rows import Rows, project_records, stored_events
from tests.schema.upcaster_errors import UPCASTER_ERRORS, build_failing_upcaster

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.registry import READERS


def find_order_row(model: Rows, order_id: str) -> tuple[object, ...]:
    [row] = [row for row in model["orders"] if row[0] == order_id]
    return row


async def test_unknown_event_parks_its_order_and_later_facts_wait_in_order(path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_future_event("order-1")
    builder.add_fact("order-2", PLACED)
    builder.add_fact("order-1", CONFIRMED)
    builder.add_fact("order-2", CONFIRMED)
    model = await project_records(builder, path)
    future = builder.records[0][1].value
    reading = read(future)
    assert reading is not None
    assert model["parked"] == [
        (1, "order-1", reading.fault, future),
        (3, "order-1", reading.fault, builder.records[0][3].value),
    ]
    assert find_order_row(model, "order-1")[1:4] == (3, builder.head("order-1"), reading.fault)
    assert Order.FromString(find_order_row(model, "order-1")[9]).version == 1  # type: ignore[arg-type]
    assert [(event.order_id, event.order_version) for event in stored_events(model)] == [
        ("order-1", 1),
        ("order-2", 1),
        ("order-2", 2),
    ]


async def test_fact_that_does_not_fold_parks_its_order(path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_fact("order-1", remove("never ordered"))
    model = await project_records(builder, path)
    assert find_order_row(model, "order-1")[3] == "cannot be folded: 'never ordered' is not on the order"
    assert [row[0] for row in model["parked"]] == [1]


@pytest.mark.parametrize("error", UPCASTER_ERRORS.values(), ids=UPCASTER_ERRORS)
async def test_upcaster_that_fails_parks_only_its_order(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    builder = LogBuilder()
    builder.add_statement("order-1")
    builder.add_fact("order-2", PLACED)
    monkeypatch.setitem(READERS, 10, READERS[10]._replace(read=build_failing_upcaster(error)))
    model = await project_records(builder, path)
    reading = read(builder.records[0][0].value)
    assert reading is not None
    assert find_order_row(model, "order-1")[3] == reading.fault
    assert find_order_row(model, "order-2")[3] is None
    assert [row[:3] for row in model["parked"]] == [(0, "order-1", reading.fault)]


async def test_broken_record_parks_its_order_and_has_no_other_effect(path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_broken_record("order-1")
    builder.add_fact("order-1", CONFIRMED)
    model = await project_records(builder, path)
    assert [row[:3] for row in model["not_facts"]] == [(1, "broken", "order-1")]
    assert find_order_row(model, "order-1")[1:4] == (2, builder.head("order-1"), "its chain is broken at offset 1")
    assert [row[0] for row in model["parked"]] == [2]


@pytest.mark.parametrize("damage", [LogBuilder.add_future_event, LogBuilder.add_broken_record])
async def test_order_without_a_folded_fact_is_stored_as_parked(
    path: Path, damage: Callable[[LogBuilder, str], None]
) -> None:
    builder = LogBuilder()
    damage(builder, "order-1")
    model = await project_records(builder, path)
    row = find_order_row(model, "order-1")
    assert row[3]
    assert (row[5], row[8]) == (0, 1_750_000_001 * 10**9)
    assert Order.FromString(row[9]).order_id == "order-1"  # type: ignore[arg-type]
    assert not model["events"]


async def test_records_of_a_parked_order_are_still_judged(path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_future_event("order-1")
    builder.add_fact("order-1", PLUM_ADDED)
    builder.add_repetition("order-1", version=2)
    builder.add_repetition("order-1", version=3)
    model = await project_records(builder, path)
    assert [row[:3] for row in model["not_facts"]] == [(3, "void", "order-1"), (4, "void", "order-1")]
    assert find_order_row(model, "order-1")[1:3] == (3, builder.head("order-1"))


async def test_parked_order_keeps_its_first_reason(path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_broken_record("order-1")
    builder.add_broken_record("order-1")
    builder.add_future_event("order-1")
    model = await project_records(builder, path)
    assert find_order_row(model, "order-1")[3] == "its chain is broken at offset 1"
    assert [row[:2] for row in model["not_facts"]] == [(1, "broken"), (2, "broken")]
