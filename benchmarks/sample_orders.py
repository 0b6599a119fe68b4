"""Sample orders of three lines, as commands and as a log. Two of three orders are confirmed."""

import asyncio
from itertools import islice
from pathlib import Path

import uuid_utils

from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderConfirmed, OrderedLine, OrderPlaced
from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.log.port import Entry
from ordertrail_server.orders.chain import digest
from ordertrail_server.schema.writing import encode, seal

BATCH = 5_000
PRICE = Money(currency_code="EUR", units=5, nanos=200_000_000)


def lines(seed: int) -> list[OrderedLine]:
    """Return three lines of products that depend on the seed."""
    return [
        OrderedLine(product_id=f"p_{(seed * 7 + index) % 50}", quantity=1 + seed % 9, unit_price=PRICE)
        for index in range(3)
    ]


def place_order() -> PlaceOrderRequest:
    """Return the command that the benchmarks send."""
    return PlaceOrderRequest(customer_id="shop-1", lines=lines(1))


def create_log(data: Path, events: int) -> None:
    """Create the log of a data directory with that many events."""
    asyncio.run(_create_log(data, events))


async def _create_log(data: Path, events: int) -> None:
    log = open_to_serve(data)
    entries = (entry for number in range(events) for entry in _entries_of(number))
    remaining = events
    while batch := list(islice(entries, min(BATCH, remaining))):
        await log.append(0, batch)
        remaining -= len(batch)
    await log.close()


def _entries_of(number: int) -> list[Entry]:
    order_id = str(uuid_utils.uuid7())
    placed = record(order_id, 1, b"", encode(OrderPlaced(customer_id=f"shop-{number % 100}", lines=lines(number))))
    if number % 3 == 0:
        return [placed]
    return [placed, record(order_id, 2, digest(placed.value), encode(OrderConfirmed()))]


def record(order_id: str, version: int, previous: bytes, chunk: bytes, time: int | None = None) -> Entry:
    """Return a record. `time` is its record time in nanoseconds; by default, versions are a nanosecond apart."""
    event_id = str(uuid_utils.uuid7())
    value = seal(
        event_id=event_id,
        order_id=order_id,
        order_version=version,
        previous=previous,
        record_time_ns=1_795_000_000_000_000_000 + version if time is None else time,
        request_id=event_id,
        command_digest=bytes(16),
        origin="",
        actor="bench",
        traceparent="",
        chunk=chunk,
    )
    return Entry(order_id, value)
