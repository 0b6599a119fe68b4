"""Records as writers append them to a log, correct and incorrect ones."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.rpc.status_pb2 import Status
from tests.log.memory import MemoryLog

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.log.v1.record_pb2 import Record, Refusal
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import (
    OrderConfirmed,
    OrderedLine,
    OrderLineAdded,
    OrderLineRemoved,
    OrderPlaced,
    OrderSource,
)
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import BARRIER, Entry
from ordertrail_server.orders.chain import digest
from ordertrail_server.schema.writing import encode, encode_statement, seal

# Field 99 of a record, holding an empty message: an event that this release does not know.
FUTURE = b"\x9a\x06\x00"
REFUSAL = Record(refusal=Refusal(status=Status(code=9, message="The order is delivered."))).SerializeToString()

PLACED = OrderPlaced(
    customer_id="shop-1",
    lines=[
        OrderedLine(product_id="apple", quantity=3, unit_price=Money(currency_code="EUR", units=2)),
        OrderedLine(product_id="pear", quantity=1, unit_price=Money(currency_code="EUR", units=5)),
    ],
    expected_delivery_date=Date(year=2026, month=3, day=15),
    source=OrderSource(reference="17"),
)
PLUM_ADDED = OrderLineAdded(
    line=OrderedLine(product_id="plum", quantity=2, unit_price=Money(currency_code="EUR", units=1))
)
CONFIRMED = OrderConfirmed()
STATEMENT = v1.OrderPlaced(
    id=4, company="shop-2", product_id="fig", quantity=7, unit_price=1.5, timestamp=1553000000000
)


class LogBuilder:
    """Builds the records of a log, by partition.

    `add_fact`, `add_statement`, `add_future_event` and `add_refusal` extend the chain of their order, the other methods
    do not.
    """

    def __init__(self, partitions: int = 1) -> None:
        self.records: list[list[Entry]] = [[] for _ in range(partitions)]
        self._facts: dict[str, list[bytes]] = {}
        self._heads: dict[str, bytes] = {}
        self._sealed = 0

    def add_fact(self, order_id: str, event: Any, seconds: int | None = None) -> None:
        self._extend(order_id, self._seal(order_id, encode(event), seconds))

    def add_statement(self, order_id: str, event: v1.OrderPlaced | v1.OrderCreated = STATEMENT) -> None:
        self._extend(order_id, self._seal(order_id, encode_statement(event)))

    def add_future_event(self, order_id: str) -> None:
        self._extend(order_id, self._seal(order_id, FUTURE))

    def add_refusal(self, order_id: str) -> None:
        self._heads[order_id] = self._seal_refusal(order_id, self.version(order_id), self.head(order_id))
        self._land(order_id, self._heads[order_id])

    def add_late_refusal(self, order_id: str, follows: int) -> None:
        facts = self._facts.get(order_id, [])
        self._land(order_id, self._seal_refusal(order_id, follows, digest(facts[follows - 1]) if follows else b""))

    def add_repetition(self, order_id: str, version: int) -> None:
        self._land(order_id, self._facts[order_id][version - 1])

    def add_late_record(self, order_id: str, follows: int) -> None:
        self._land(order_id, self._seal(order_id, encode(CONFIRMED), follows=follows))

    def add_broken_record(self, order_id: str) -> None:
        value = self._seal(order_id, encode(CONFIRMED))
        head = self.head(order_id)
        self._land(order_id, value.replace(head, b"?" * 16) if head else value.replace(b"\x18\x01", b"\x18\x09", 1))

    def add_unreadable_record(self, key: str) -> None:
        self._land(key, b"\xff no record \xff")

    def add_barrier(self, order_id: str) -> None:
        self.records[partition_of(order_id, len(self.records))].append(BARRIER)

    def add_misplaced_record(self, order_id: str) -> None:
        home = partition_of(order_id, len(self.records))
        self.records[home - 1].append(Entry(order_id, self._seal(order_id, encode(CONFIRMED))))

    def add_record_under_key(self, order_id: str, key: str) -> None:
        self._land(key, self._seal(order_id, encode(CONFIRMED)))

    def head(self, order_id: str) -> bytes:
        return digest(self._heads[order_id]) if order_id in self._heads else b""

    def version(self, order_id: str) -> int:
        return len(self._facts.get(order_id, ()))

    def _seal(self, order_id: str, chunk: bytes, seconds: int | None = None, follows: int | None = None) -> bytes:
        facts = self._facts.get(order_id, [])
        if follows is None:
            return self._seal_record(order_id, len(facts) + 1, self.head(order_id), chunk, seconds)
        previous = digest(facts[follows - 1]) if follows else b""
        return self._seal_record(order_id, follows + 1, previous, chunk, seconds)

    def _seal_refusal(self, order_id: str, version: int, previous: bytes) -> bytes:
        return self._seal_record(order_id, version, previous, REFUSAL)

    def _seal_record(
        self, order_id: str, version: int, previous: bytes, chunk: bytes, seconds: int | None = None
    ) -> bytes:
        self._sealed += 1
        return seal(
            event_id=f"event-{self._sealed}",
            order_id=order_id,
            order_version=version,
            previous=previous,
            record_time_ns=(1_750_000_000 + self._sealed if seconds is None else seconds) * 1_000_000_000,
            request_id=f"request-{self._sealed}",
            command_digest=b"c" * 16,
            origin="",
            actor="",
            traceparent="",
            chunk=chunk,
        )

    def _extend(self, order_id: str, value: bytes) -> None:
        self._facts.setdefault(order_id, []).append(value)
        self._heads[order_id] = value
        self._land(order_id, value)

    def _land(self, key: str, value: bytes) -> None:
        self.records[partition_of(key, len(self.records))].append(Entry(key, value))


async def create_log(builder: LogBuilder) -> MemoryLog:
    """Return a log that has the records of a builder."""
    log = MemoryLog(partitions=len(builder.records))
    for partition, entries in enumerate(builder.records):
        await log.append(partition, entries)
    return log


def build_many_orders(count: int) -> Sequence[Entry]:
    """Return the records of orders placed, extended and confirmed, in turns: three for each."""
    builder = LogBuilder()
    ids = [f"order-{number}" for number in range(count)]
    for event in (PLACED, PLUM_ADDED, CONFIRMED):
        for order_id in ids:
            builder.add_fact(order_id, event)
    return builder.records[0]


def remove(product_id: str) -> OrderLineRemoved:
    return OrderLineRemoved(product_id=product_id)


def write_log(directory: Path, entries: Sequence[Entry]) -> None:
    """Create an embedded log in the directory that holds the entries."""

    async def write() -> None:
        log = EmbeddedLog.create(directory)
        await log.append(0, entries)
        await log.close()

    asyncio.run(write())
