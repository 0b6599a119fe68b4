"""The checker finds each kind of fault that is planted on a real topic."""

from dataclasses import dataclass, field

import pytest
from confluent_kafka import Producer
from tests.e2e.kafka.servers import create_empty_topic
from tests.kafka.checker import Report, check
from tests.kafka.cluster import Cluster

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.position_pb2 import Position
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.log.placement import partition_of
from ordertrail_server.orders.chain import digest

TOPIC = "checked"
PARTITIONS = 3
ORDER = "order-1"
PARTITION = partition_of(ORDER, PARTITIONS)


@dataclass
class History:
    """Records that are written to a topic one after another, with true receipts."""

    cluster: Cluster
    offset: int = 0
    receipts: list[Receipt] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)

    def write(self, request_id: str, version: int, previous: bytes) -> bytes:
        """Append a record of the order and return its digest. Its receipt is true if the record is a fact."""
        record = self._build(request_id, version, previous)
        record.order_confirmed_v2.SetInParent()
        value = record.SerializeToString()
        position = Position(topic=TOPIC, partition=PARTITION, offset=self.put(ORDER, value))
        self.receipts.append(
            Receipt(
                order_id=ORDER, request_id=request_id, order_version=version, digest=digest(value), position=position
            )
        )
        return digest(value)

    def refuse(self, request_id: str, version: int, previous: bytes) -> bytes:
        """Append a recorded refusal on a version of the order and return its digest."""
        record = self._build(request_id, version, previous)
        record.refusal.status.message = "refused"
        value = record.SerializeToString()
        self.put(ORDER, value)
        return digest(value)

    def _build(self, request_id: str, version: int, previous: bytes) -> Record:
        record = Record(order_id=ORDER, order_version=version, previous=previous, event_id=f"event-{self.offset}")
        record.cause.request_id = request_id
        return record

    def put(self, key: str, value: bytes) -> int:
        producer = Producer({"bootstrap.servers": self.cluster.bootstrap})
        producer.produce(TOPIC, value, key, PARTITION)
        assert producer.flush(10.0) == 0
        self.values.append(value)
        self.offset += 1
        return self.offset - 1

    def report(self) -> Report:
        return check(self.cluster.bootstrap, TOPIC, self.receipts, {(ORDER, f"r{n}") for n in range(9)})


@pytest.fixture
def history(cluster: Cluster) -> History:
    create_empty_topic(cluster, TOPIC, PARTITIONS)
    return History(cluster)


def test_complete_history_has_no_faults(history: History) -> None:
    first = history.write("r1", 1, b"")
    history.write("r2", 2, first)
    report = history.report()
    assert report.faults == {}
    assert [fact.version for fact in report.orders[ORDER]] == [1, 2]
    assert (report.records, report.voids, report.foreign) == (2, [], [])


def test_each_void_record_has_its_cause(history: History) -> None:
    first = history.write("r1", 1, b"")
    second = history.write("r2", 2, first)
    history.write("r3", 2, first)
    history.write("r3", 3, second)
    history.write("r4", 2, first)
    history.put(ORDER, history.values[0])
    history.receipts = [history.receipts[number] for number in (0, 1, 3)]
    report = history.report()
    assert report.faults == {}
    assert [(void.offset, void.cause) for void in report.voids] == [
        (2, "decided again"),
        (4, "given up"),
        (5, "repeated"),
    ]


def test_recorded_refusal_is_a_link_without_a_version(history: History) -> None:
    early = history.refuse("r1", 0, b"")
    first = history.write("r2", 1, early)
    refused = history.refuse("r3", 1, first)
    history.write("r4", 2, refused)
    history.refuse("r5", 1, first)
    report = history.report()
    assert report.faults == {}
    assert [(link.request_id, link.version) for link in report.links[ORDER]] == [
        ("r1", 0),
        ("r2", 1),
        ("r3", 1),
        ("r4", 2),
    ]
    assert [link.refusal is None for link in report.links[ORDER]] == [False, True, False, True]
    assert [fact.version for fact in report.orders[ORDER]] == [1, 2]
    assert [(void.offset, void.cause) for void in report.voids] == [(4, "given up")]


def test_request_that_is_refused_and_accepted_is_duplicated(history: History) -> None:
    refused = history.refuse("r1", 0, b"")
    history.write("r1", 1, refused)
    assert history.report().faults == {"duplicated": 1}


def test_receipt_is_lost_without_a_fact_and_differs_from_another_fact(history: History) -> None:
    first = history.write("r1", 1, b"")
    history.write("r2", 2, first)
    history.receipts[1].position.offset += 1
    history.receipts.append(Receipt(order_id=ORDER, request_id="r5", order_version=3))
    assert history.report().faults == {"missing": 1, "differing": 1}


def test_request_with_two_facts_is_duplicated(history: History) -> None:
    first = history.write("r1", 1, b"")
    history.write("r1", 2, first)
    report = history.report()
    assert report.duplicated == [(ORDER, "r1")]
    assert report.differing == [(ORDER, "r1")]


def test_record_off_the_chain_is_broken_and_one_without_a_request_is_unrequested(history: History) -> None:
    history.write("r1", 1, b"")
    history.write("r2", 2, b"another history")
    history.write("r of another caller", 2, history.receipts[0].digest)
    history.receipts.pop(1)
    assert history.report().faults == {"broken": 1, "unrequested": 1}


def test_message_that_is_no_record_of_the_partition_is_foreign_and_no_fault(history: History) -> None:
    history.write("r1", 1, b"")
    history.put(ORDER, b"\xff")
    history.put("another key", Record(order_id=ORDER, order_version=2).SerializeToString())
    history.put("barrier", b"")
    report = history.report()
    assert (report.faults, report.foreign, report.barriers) == ({}, [(PARTITION, 1), (PARTITION, 2)], 1)
