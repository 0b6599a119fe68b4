"""A simple fold of a whole log. Tests compare receipts, queries, streams and stores with it."""

from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Log
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate, advance
from ordertrail_server.orders.chain import LINKS, Verdict, digest, judge
from ordertrail_server.schema.reading import Reading, read


class Fact(NamedTuple):
    """One fact of the log."""

    offset: int
    reading: Reading
    value: bytes
    partition: int = 0

    @property
    def request(self) -> tuple[str, str]:
        return self.reading.event.order_id, self.reading.event.cause.request_id


class ReferenceFold:
    """The facts and recorded refusals of a log, the number of its void records, and the orders folded from the facts.

    `add_record` fails if a record is none of these.
    """

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.refusals: list[Fact] = []
        self.void = 0
        self.orders: dict[str, Aggregate] = {}
        self._links: defaultdict[tuple[str, int], set[bytes]] = defaultdict(set)

    def add_record(self, offset: int, value: bytes, partition: int = 0) -> None:
        reading = read(value)
        assert reading is not None, f"no record at partition {partition}, offset {offset}"
        event, before = reading.event, self.orders.get(reading.event.order_id, NO_ORDER)
        links_at = partial(self._links_at, event.order_id)
        is_refusal = reading.refusal is not None
        verdict = judge(before.version, before.head, event.order_version, event.previous, is_refusal, links_at)
        if verdict is Verdict.VOID:
            self.void += 1
            return
        assert verdict in LINKS, f"{verdict} at partition {partition}, offset {offset}"
        self._links[event.order_id, event.order_version].add(digest(value))
        if is_refusal:
            self.refusals.append(Fact(offset, reading, value, partition))
            self.orders[event.order_id] = before._replace(head=digest(value))
            return
        self.facts.append(Fact(offset, reading, value, partition))
        self.orders[event.order_id] = advance(before, event, reading.fault, digest(value))

    def _links_at(self, order_id: str, version: int) -> set[bytes]:
        return self._links[order_id, version]


async def fold_directory(data: Path) -> ReferenceFold:
    """Read the whole embedded log of a data directory, even while a server uses it."""
    return await fold_log(EmbeddedLog.follow(data))


async def fold_log(log: Log) -> ReferenceFold:
    """Read a whole log and close it."""
    reference = ReferenceFold()
    try:
        for partition in range(log.partitions):
            await _fold_partition(log, partition, reference)
    finally:
        await log.close()
    return reference


async def _fold_partition(log: Log, partition: int, reference: ReferenceFold) -> None:
    offset = 0
    while records := await log.read(partition, offset, 5_000):
        for logged in records:
            assert logged.offset == offset
            assert logged.digest == digest(logged.value)
            reference.add_record(logged.offset, logged.value, partition)
            offset += 1


def assert_receipts_are_facts(receipts: list[Receipt], reference: ReferenceFold) -> None:
    """Assert that each receipt belongs to a fact of the log and equals it."""
    facts = {fact.request: fact for fact in reference.facts}
    for receipt in receipts:
        fact = facts[receipt.order_id, receipt.request_id]
        event = fact.reading.event
        assert (receipt.position.partition, receipt.position.offset) == (fact.partition, fact.offset)
        assert receipt.order_version == event.order_version
        assert receipt.digest == digest(fact.value)
