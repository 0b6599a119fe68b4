"""The projection `timeline` says of every order what it was at any time, whatever its facts hold."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder, create_log, remove
from tests.projections.memory_directory import memory_directory
from tests.projections.older_release import hide_events
from tests.projections.projection_fold import Fold, fold_later, fold_live
from tests.projections.timeline.order_lives import Lives, OrderVersion, find_version, fold_lives
from tests.projections.timeline.strange_orders import NOON, StrangeFact, create_strange_log, strange_facts

from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderedLine, OrderLineQuantityChanged, OrderPlaced, OrderShipped, ShippedLine
from ordertrail.v1.order_pb2 import OrderLine
from ordertrail.v1.order_status_pb2 import OrderStatus
from ordertrail_server.orders.time_text import time_text
from ordertrail_server.projections.catalog import TIMELINE
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.projections.timeline.column_text import amount_text, delivery_date_text
from ordertrail_server.projections.timeline.tables import FOREVER
from ordertrail_server.storage.connection import connect_reader

Row = Mapping[str, Any]


def read_view(directory: Path, view: str, order: str = "order_id, version") -> list[Row]:
    with closing(connect_reader(live_generation(directory, TIMELINE))) as connection:
        cursor = connection.execute(f"SELECT * FROM {view} ORDER BY {order}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def expected_rows(lives: Lives) -> Iterator[Row]:
    for order_id in sorted(lives, key=str.encode):
        life = lives[order_id]
        ends = [time_text(version.time) for version in life[1:]]
        for version, end in zip(life, [*ends, FOREVER], strict=False):
            yield expected_row(order_id, version, end)


def expected_row(order_id: str, version: OrderVersion, end: str) -> Row:
    position, event, order = version
    amount = order.total_amount if order.HasField("total_amount") else None
    return {
        "order_id": order_id,
        "version": event.order_version,
        "partition": position.partition,
        "offset": position.offset,
        "valid_from": time_text(version.time),
        "valid_until": end,
        "status": OrderStatus.Name(order.status).removeprefix("ORDER_STATUS_"),
        "customer_id": order.customer_id if order.HasField("customer_id") else None,
        "total_amount": amount and amount_text(amount.units, amount.nanos),
        "currency": amount and amount.currency_code,
        "total_quantity": order.total_quantity,
        "shipped_quantity": max(1 - 2**63, min(sum(line.shipped_quantity for line in order.lines), 2**63 - 1)),
        "delivery_date": delivery_date_text(order),
        "event_type": (event.WhichOneof("event") or "").upper(),
        "actor": event.actor or None,
        "request_id": event.cause.request_id or None,
        "source_reference": order.source.reference if order.source.HasField("reference") else None,
    }


def expected_line(line: OrderLine) -> tuple[Any, ...]:
    price = line.unit_price if line.HasField("unit_price") else None
    values = (price and amount_text(price.units, price.nanos), price and price.currency_code)
    return line.product_id, line.quantity, line.shipped_quantity, *values


def lines_as_of(rows: list[Row], order_id: str, time: str) -> list[tuple[Any, ...]]:
    columns = ("product_id", "quantity", "shipped_quantity", "unit_price", "currency")
    valid = [row for row in rows if row["order_id"] == order_id and row["valid_from"] <= time < row["valid_until"]]
    return sorted((tuple(row[column] for column in columns) for row in valid), key=repr)


@pytest.mark.parametrize("fold", [fold_live, fold_later])
@settings(max_examples=40)
@given(facts=strange_facts)
def test_views_say_what_each_order_was_at_any_time(fold: Fold, facts: list[StrangeFact]) -> None:
    async def compare(directory: Path) -> None:
        log = await create_strange_log(facts)
        await fold(TIMELINE, log, directory, 7)
        lives = fold_lives(log)
        assert read_view(directory, "order_versions") == list(expected_rows(lives))
        lines = read_view(directory, "line_versions")
        for order_id, life in lives.items():
            for version in life:
                order = find_version(life, version.time).order
                assert lines_as_of(lines, order_id, time_text(version.time)) == sorted(
                    map(expected_line, order.lines), key=repr
                )

    with memory_directory() as directory:
        asyncio.run(compare(directory))


def describe_lines(directory: Path) -> list[tuple[Any, ...]]:
    """Return version, product, quantity and shipped quantity of each row, and until which version it was valid."""
    versions = {row["valid_from"]: row["version"] for row in read_view(directory, "order_versions")}
    rows = read_view(directory, "line_versions", "version, product_id, quantity")
    columns = ("version", "product_id", "quantity", "shipped_quantity")
    return [(*(row[column] for column in columns), versions.get(row["valid_until"])) for row in rows]


async def test_line_has_a_row_for_each_change_until_it_is_removed(tmp_path: Path) -> None:
    builder = LogBuilder()
    events = (
        PLACED,
        PLUM_ADDED,
        OrderLineQuantityChanged(product_id="pear", quantity=0),
        remove("plum"),
        PLUM_ADDED,
        CONFIRMED,
        OrderShipped(lines=[ShippedLine(product_id="apple", quantity=2)]),
    )
    for event in events:
        builder.add_fact("o", event)
    await fold_live(TIMELINE, await create_log(builder), tmp_path)
    assert describe_lines(tmp_path) == [
        (1, "apple", 3, 0, 7),
        (1, "pear", 1, 0, 3),
        (2, "plum", 2, 0, 4),
        (3, "pear", 0, 0, None),
        (5, "plum", 2, 0, None),
        (7, "apple", 3, 2, None),
    ]


async def test_product_on_two_lines_of_an_order_has_a_row_for_both(tmp_path: Path) -> None:
    builder = LogBuilder()
    builder.add_fact("o", OrderPlaced(lines=[OrderedLine(product_id="apple", quantity=n) for n in (2, 3)]))
    builder.add_fact("o", remove("apple"))
    await fold_live(TIMELINE, await create_log(builder), tmp_path)
    assert describe_lines(tmp_path) == [(1, "apple", 2, 0, 2), (1, "apple", 3, 0, 2), (2, "apple", 3, 0, None)]


async def test_amount_without_a_price_of_every_line_is_absent(tmp_path: Path) -> None:
    builder = LogBuilder()
    price = Money(currency_code="EUR", units=1, nanos=250_000_000)
    lines = [OrderedLine(product_id="apple", quantity=3, unit_price=price), OrderedLine(product_id="pear", quantity=1)]
    builder.add_fact("o", OrderPlaced(lines=lines))
    builder.add_fact("o", remove("pear"))
    await fold_live(TIMELINE, await create_log(builder), tmp_path)
    amounts = [(row["total_amount"], row["currency"]) for row in read_view(tmp_path, "order_versions")]
    assert amounts == [(None, None), ("3.75", "EUR")]


async def test_waiting_facts_of_a_parked_order_have_rows_once_a_retry_frees_them(tmp_path: Path) -> None:
    builder = LogBuilder()
    for order_id, events in (("o", [PLACED, PLUM_ADDED]), ("other", [PLACED, CONFIRMED]), ("o", [CONFIRMED])):
        for event in events:
            builder.add_fact(order_id, event)
    log = await create_log(builder)
    with closing(await open_engine(log, tmp_path, [TIMELINE])) as engine:
        with hide_events("order_line_added"):
            await engine.catch_up()
        rows = read_view(tmp_path, "order_versions")
        present_row, *_ = rows
        assert [(row["order_id"], row["version"]) for row in rows] == [("o", 1), ("other", 1), ("other", 2)]
        assert present_row["valid_until"] == FOREVER
        await engine.retry("o")
    rows = [row for row in read_view(tmp_path, "order_versions") if row["order_id"] == "o"]
    assert [(row["version"], row["offset"], row["event_type"]) for row in rows] == [
        (1, 0, "ORDER_PLACED"),
        (2, 1, "ORDER_LINE_ADDED"),
        (3, 4, "ORDER_CONFIRMED"),
    ]
    assert [row["valid_until"] for row in rows] == [*(row["valid_from"] for row in rows[1:]), FOREVER]
    assert rows[0]["valid_from"] == time_text(NOON * 10**9 + 10**9)
