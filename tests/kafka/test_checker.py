"""The checker sees what it is for: each fault is planted on a real topic, and found."""

from dataclasses import dataclass, field

import pytest
from confluent_kafka import Producer
from tests.e2e.kafka.servers import new_topic
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
HERE = partition_of(ORDER, PARTITIONS)


@dataclass
class Past:
    """Records written to a topic one after another, and receipts that are true of them."""

    cluster: Cluster
    offset: int = 0
    receipts: list[Receipt] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)

    def write(self, request_id: str, version: int, previous: bytes) -> bytes:
        """Append a record of the order and return its digest; its receipt is true if it is a fact."""
        record = Record(order_id=ORDER, order_version=version, previous=previous, event_id=f"event-{self.offset}")
        record.cause.request_id = request_id
        record.order_confirmed_v2.SetInParent()
        value = record.SerializeToString()
        place = Position(topic=TOPIC, partition=HERE, offset=self.put(ORDER, value))
        self.receipts.append(
            Receipt(order_id=ORDER, request_id=request_id, order_version=version, digest=digest(value), position=place)
        )
        return digest(value)

    def put(self, key: str, value: bytes) -> int:
        producer = Producer({"bootstrap.servers": self.cluster.bootstrap})
        producer.produce(TOPIC, value, key, HERE)
        assert producer.flush(10.0) == 0
        self.values.append(value)
        self.offset += 1
        return self.offset - 1

    def report(self) -> Report:
        return check(self.cluster.bootstrap, TOPIC, self.receipts, {(ORDER, f"r{n}") for n in range(9)})


@pytest.fixture
def past(cluster: Cluster) -> Past:
    new_topic(cluster, TOPIC, PARTITIONS)
    return Past(cluster)


def test_a_past_without_faults_has_none(past: Past) -> None:
    first = past.write("r1", 1, b"")
    past.write("r2", 2, first)
    report = past.report()
    assert report.faults == {}
    assert [fact.version for fact in report.orders[ORDER]] == [1, 2]
    assert (report.records, report.voids, report.foreign) == (2, [], [])


def test_each_void_record_is_explained(past: Past) -> None:
    first = past.write("r1", 1, b"")
    second = past.write("r2", 2, first)
    past.write("r3", 2, first)
    past.write("r3", 3, second)
    past.write("r4", 2, first)
    past.put(ORDER, past.values[0])
    past.receipts = [past.receipts[number] for number in (0, 1, 3)]
    report = past.report()
    assert report.faults == {}
    assert [(void.offset, void.why) for void in report.voids] == [
        (2, "decided again"),
        (4, "given up"),
        (5, "repeated"),
    ]


def test_a_receipt_without_a_fact_is_lost_and_one_that_says_otherwise_differs(past: Past) -> None:
    first = past.write("r1", 1, b"")
    past.write("r2", 2, first)
    past.receipts[1].position.offset += 1
    past.receipts.append(Receipt(order_id=ORDER, request_id="r5", order_version=3))
    assert past.report().faults == {"lost": 1, "differing": 1}


def test_a_request_that_led_to_two_facts_is_doubled(past: Past) -> None:
    first = past.write("r1", 1, b"")
    past.write("r1", 2, first)
    report = past.report()
    assert report.doubled == [(ORDER, "r1")]
    assert report.differing == [(ORDER, "r1")]


def test_a_record_on_no_past_is_broken_and_one_that_nobody_asked_for_is_told(past: Past) -> None:
    past.write("r1", 1, b"")
    past.write("r2", 2, b"another past")
    past.write("somebody else's", 2, past.receipts[0].digest)
    past.receipts.pop(1)
    assert past.report().faults == {"broken": 1, "unasked": 1}


def test_what_is_no_record_of_the_partition_s_orders_is_foreign_and_no_fault(past: Past) -> None:
    past.write("r1", 1, b"")
    past.put(ORDER, b"\xff")
    past.put("another key", Record(order_id=ORDER, order_version=2).SerializeToString())
    past.put("barrier", b"")
    report = past.report()
    assert (report.faults, report.foreign, report.barriers) == ({}, [(HERE, 1), (HERE, 2)], 1)
