"""Foreign messages on a topic, which no server wrote, and records that break the chain rule."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.log.placement import partition_of

LARGEST = 900_000
WINDOW = 50_000


class Foreign(NamedTuple):
    """A message that is not a record of an order of its partition."""

    partition: int
    key: bytes | None
    value: bytes | None


class OwnRecord(NamedTuple):
    """A record that a server wrote."""

    partition: int
    key: bytes
    value: bytes


def generate_foreign(random: Random, own_records: list[OwnRecord], partitions: int) -> Iterator[Foreign]:
    """Yield foreign messages for ever. The first ones have the largest size that a topic accepts."""
    yield Foreign(0, b"large", random.randbytes(LARGEST))
    yield Foreign(0, own_records[0].key, bytes(LARGEST))
    kinds = (_random, _cut_short, _of_another_type, _under_another_key, _in_another_partition)
    while True:
        for kind in kinds:
            yield kind(random, random.choice(own_records), partitions)


def _random(random: Random, record: OwnRecord, partitions: int) -> Foreign:
    # No record begins with this byte. Otherwise random bytes might form a record.
    value = random.choice([None, b"", b"\xff" + random.randbytes(random.randrange(200))])
    return Foreign(random.randrange(partitions), random.choice([None, b"", b"\xff\xfe", record.key]), value)


def _cut_short(random: Random, record: OwnRecord, partitions: int) -> Foreign:
    # Cut before the end of the order id, which is the second field.
    begin = record.value.index(record.key)
    return Foreign(record.partition, record.key, record.value[: random.randrange(begin + len(record.key))])


def _of_another_type(random: Random, record: OwnRecord, partitions: int) -> Foreign:
    return Foreign(random.randrange(partitions), record.key, Receipt(order_version=3, digest=b"x").SerializeToString())


def _under_another_key(random: Random, record: OwnRecord, partitions: int) -> Foreign:
    return Foreign(record.partition, random.choice([None, b"", b"another", record.key + b"x"]), record.value)


def _in_another_partition(random: Random, record: OwnRecord, partitions: int) -> Foreign:
    return Foreign((record.partition + 1) % partitions, record.key, record.value)


def create_broken_record(order_id: str, version: int, partitions: int) -> Foreign:
    """Return a record of the order whose predecessor is none of the order's facts."""
    record = Record(order_id=order_id, order_version=version, previous=b"none of its facts", event_id="damage")
    record.order_confirmed_v2.SetInParent()
    return Foreign(partition_of(order_id, partitions), order_id.encode(), record.SerializeToString())


def produce_transaction(bootstrap: str, topic: str, *partitions: int) -> None:
    """Write a message to each partition in one transaction, which appends a transaction marker. Blocks."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "foreign"})
    producer.init_transactions()
    producer.begin_transaction()
    for partition in partitions:
        producer.produce(topic, b"foreign", partition=partition)
    producer.commit_transaction()


def produce(bootstrap: str, topic: str, messages: Iterator[Foreign]) -> int:
    """Write the messages and return their number. Blocks. Raises RuntimeError if one was rejected."""
    errors: list[KafkaError] = []

    def report(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            errors.append(error)

    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 2 * WINDOW})
    count = 0
    for count, message in enumerate(messages, 1):
        producer.produce(topic, message.value, message.key, message.partition, on_delivery=report)
        if count % 1_000 == 0:
            producer.poll(0)
        if count % WINDOW == 0:
            producer.flush()
    producer.flush()
    if errors:
        raise RuntimeError(f"{len(errors)} messages were rejected: {errors[0]}")
    return count
