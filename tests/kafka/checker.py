"""An offline checker: reads a topic from offset 0, judges every record, and compares the facts with all receipts.

It shares only pure functions with a server: the chain rule, the reading of a record, and the placement of an order.
`check` may run while servers write: it judges each partition up to the end that it has at the start of the partition.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.log.deadline import Deadline
from ordertrail_server.log.kafka.offset_queries import query_watermarks
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import BARRIER
from ordertrail_server.orders.chain import LINKS, NO_PREDECESSOR, Verdict, digest, judge
from ordertrail_server.schema.reading import read

TIMEOUT_S = 20.0

Request = tuple[str, str]
"""An order id and a request id."""

Predecessor = tuple[str, bytes]
"""An order id and the digest of one of the order's links."""


class Fact(NamedTuple):
    """A record that became a fact, with its position."""

    partition: int
    offset: int
    version: int
    digest: bytes
    created_ms: int
    """When the writer passed it to its producer, by the writer's clock."""


class OrderLink(NamedTuple):
    """A link of an order's chain. `refusal` is the recorded refusal as stored, None if the link is a fact."""

    request_id: str
    version: int
    digest: bytes
    refusal: bytes | None


class Void(NamedTuple):
    """A record without effect, with the cause."""

    partition: int
    offset: int
    request: Request
    cause: str
    """"repeated": a second copy of a link; "decided again": its request led to a link by another record;
    "given up": its request led to no link, because the caller got a refusal or no answer."""

    behind_ms: int
    """How much later it was written than the link with the same predecessor. After a long time it was no race."""


@dataclass
class Report:
    """The content of a topic, with the positions and requests of each fault; `faults` counts the broken guarantees."""

    records: int = 0
    facts: dict[Request, Fact] = field(default_factory=dict)
    """The fact that each request led to, the first if there were several."""

    orders: dict[str, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    """Every order's facts, from version 1 on."""

    links: dict[str, list[OrderLink]] = field(default_factory=lambda: defaultdict(list))
    """Every order's facts and recorded refusals."""

    voids: list[Void] = field(default_factory=list)
    broken: list[tuple[int, int]] = field(default_factory=list)
    foreign: list[tuple[int, int]] = field(default_factory=list)
    barriers: int = 0
    """The number of barriers, by which servers query a partition's current end."""

    duplicated: list[Request] = field(default_factory=list)
    """Requests that led to more than one link."""

    missing: list[Request] = field(default_factory=list)
    """Requests with a receipt and without a fact."""

    differing: list[Request] = field(default_factory=list)
    """Requests whose receipt differs from the log in version, digest, partition or offset."""

    unrequested: list[Request] = field(default_factory=list)
    """Requests of records that no caller sent. Empty if `check` got no `requests`."""

    @property
    def faults(self) -> dict[str, int]:
        """The number of faults of each kind, empty if there are none. A foreign record is not a fault."""
        kinds = ("missing", "duplicated", "differing", "broken", "unrequested")
        return {kind: len(getattr(self, kind)) for kind in kinds if getattr(self, kind)}

    def __str__(self) -> str:
        facts, causes = sum(map(len, self.orders.values())), defaultdict[str, int](int)
        refusals = sum(map(len, self.links.values())) - facts
        for void in self.voids:
            causes[void.cause] += 1
        voids = ", ".join(f"{count} {kind}" for kind, count in sorted(causes.items()))
        text = f"{self.records} records: {facts} facts of {len(self.orders)} orders, {refusals} refusals"
        text += f", {len(self.voids)} void"
        text += f" ({voids or 'none'}), {self.barriers} barriers, {len(self.foreign)} foreign"
        return f"{text}; faults: {self.faults or 'none'}"


def check(
    bootstrap: str, topic: str, receipts: Iterable[Receipt], requests: Collection[Request] | None = None
) -> Report:
    """Judge a whole topic and compare it with all receipts that callers got, also for retries. Blocks.

    `requests` are the (order id, request id) of all commands that callers sent, whatever their outcome. Without it,
    unrequested records are not searched. Raises TimeoutError if the brokers do not answer.
    """
    judging = _Judging()
    settings = {"bootstrap.servers": bootstrap, "group.id": "checker", "enable.auto.commit": False}
    # Aborted and unfinished foreign transactions are on the topic as well, so they are read.
    settings |= {"isolation.level": "read_uncommitted", "enable.partition.eof": True, "auto.offset.reset": "error"}
    settings |= {"fetch.wait.max.ms": 10}  # a fetch that waits at one partition's end delays the next partition
    with closing(Consumer(settings)) as consumer:
        metadata = consumer.list_topics(topic, TIMEOUT_S).topics[topic]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        for partition in sorted(metadata.partitions):
            for message in _messages(consumer, topic, partition):
                judging.take(message, partition, len(metadata.partitions))
    return judging.report(receipts, requests)


def _messages(consumer: Consumer, topic: str, partition: int) -> Iterator[Message]:
    first, end = query_watermarks(consumer, topic, partition, TIMEOUT_S)  # retries if a broker has just restarted
    assert first == 0, f"partition {partition} begins at offset {first}: facts were removed"
    consumer.assign([TopicPartition(topic, partition, 0)])
    position, deadline = 0, Deadline(TIMEOUT_S)
    while position < end:
        for message in consumer.consume(10_000, 0.05):
            error = message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            position, deadline = (message.offset() or 0) + (error is None), Deadline(TIMEOUT_S)
            if error is None and position <= end:
                yield message
        if deadline.has_passed():
            raise TimeoutError(f"no broker returned the record at partition {partition}, offset {position}")


class _Judging:
    """The fold of the chain rule, over the envelopes of records."""

    def __init__(self) -> None:
        self._report = Report()
        self._requests: set[Request] = set()
        self._digests: set[bytes] = set()
        self._created_ms: dict[Predecessor, int] = {}
        self._voids: list[tuple[int, int, Request, Predecessor, bytes, int]] = []

    def take(self, message: Message, partition: int, partitions: int) -> None:
        """Judge the next record of a partition."""
        value, position = message.value() or b"", (partition, message.offset() or 0)
        self._report.records += 1
        if (message.key(), value) == (BARRIER.key.encode(), BARRIER.value):
            self._report.barriers += 1
            return
        reading = read(value)
        if reading is None or not _has_own_key_and_partition(reading.event, message, partition, partitions):
            self._report.foreign.append(position)
            return
        record, is_refusal = reading.event, reading.refusal is not None
        links = self._report.links[record.order_id]
        version, head = (links[-1].version, links[-1].digest) if links else (0, NO_PREDECESSOR)
        verdict = judge(version, head, record.order_version, record.previous, is_refusal, partial(_digests_at, links))
        link, created_ms = digest(value), message.timestamp()[1]
        request, predecessor = (record.order_id, record.cause.request_id), (record.order_id, record.previous)
        if verdict in LINKS:
            self._add_link(request, OrderLink(request[1], record.order_version, link, reading.refusal))
            self._created_ms[predecessor] = created_ms
        if verdict is Verdict.FACT:
            fact = Fact(*position, record.order_version, link, created_ms)
            self._report.facts.setdefault(request, fact)
            self._report.orders[record.order_id].append(fact)
        elif verdict is Verdict.BROKEN:
            self._report.broken.append(position)
        elif verdict is Verdict.VOID:
            self._voids.append((*position, request, predecessor, link, created_ms))

    def _add_link(self, request: Request, link: OrderLink) -> None:
        if request in self._requests:
            self._report.duplicated.append(request)
        self._requests.add(request)
        self._report.links[request[0]].append(link)
        self._digests.add(link.digest)

    def report(self, receipts: Iterable[Receipt], requests: Collection[Request] | None) -> Report:
        """Return the report, after every record is judged."""
        report = self._report
        report.voids = [self._void(*void) for void in self._voids]
        for receipt in receipts:
            self._compare(receipt)
        if requests is not None:
            report.unrequested = sorted({*self._requests, *(void.request for void in report.voids)} - {*requests})
        return report

    def _void(
        self, partition: int, offset: int, request: Request, predecessor: Predecessor, link: bytes, created_ms: int
    ) -> Void:
        cause = "decided again" if request in self._requests else "given up"
        behind_ms = created_ms - self._created_ms[predecessor]
        return Void(partition, offset, request, "repeated" if link in self._digests else cause, behind_ms)

    def _compare(self, receipt: Receipt) -> None:
        request = (receipt.order_id, receipt.request_id)
        fact = self._report.facts.get(request)
        position = receipt.position
        if fact is None:
            self._report.missing.append(request)
        elif fact[:4] != (position.partition, position.offset, receipt.order_version, receipt.digest):
            self._report.differing.append(request)


def _has_own_key_and_partition(record: HistoryEvent, message: Message, partition: int, partitions: int) -> bool:
    key = message.key() or b""
    return key == record.order_id.encode() and partition_of(record.order_id, partitions) == partition


def _digests_at(links: list[OrderLink], version: int) -> Collection[bytes]:
    return [link.digest for link in links if link.version == version]
