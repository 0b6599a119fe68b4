"""The chain rule for programs that read the log's topic directly: it decides which records are facts.

A record becomes a fact if and only if it names its order's newest fact as its predecessor. Any number of servers write
to the topic at once, and this rule decides their races, so a reader without it counts orders and goods twice.
"""

from enum import Enum
from hashlib import sha256
from typing import TypeAlias

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from ordertrail.log.v1.record_pb2 import Record

__all__ = ["Facts", "Verdict", "digest", "judge", "partition_of"]

Facts: TypeAlias = dict[str, list[bytes]]
"""The facts of each order read so far: {order id: the digest of each fact, that of version 1 first}."""


class Verdict(Enum):
    """The verdict on a message of the log."""

    FACT = "fact"
    VOID = "void"  # late, repeated, or lost a race: no effect
    BROKEN = "broken"  # damage, not a race: the order's state is unknown from here on
    FOREIGN = "foreign"  # not a record of an order of this partition: no effect
    BARRIER = "barrier"  # a server appended it to learn where the partition ends: no effect


def judge(facts: Facts, key: bytes | None, value: bytes | None, partition: int, partitions: int) -> Verdict:
    """Judge the next message of a partition, and add it to `facts` if it is one.

    Give it every message of the partition from offset 0 on, in order, or from where `facts` was kept. `partitions` is
    how many the topic has. Never raises, whatever the bytes. One map may serve all partitions.
    """
    if key == b"barrier" and not value:
        return Verdict.BARRIER
    record = _envelope_of(value)
    order_id: str = getattr(record, "order_id", "")
    if not order_id or key != order_id.encode() or partition != partition_of(order_id, partitions):
        return Verdict.FOREIGN
    digests = facts.get(order_id, [])
    version, previous = record.order_version, record.previous  # type: ignore[attr-defined]  # made from a descriptor
    if not 1 <= version <= len(digests) + 1 or previous != (digests[version - 2] if version > 1 else b""):
        return Verdict.BROKEN
    if version <= len(digests):
        return Verdict.VOID
    facts.setdefault(order_id, []).append(digest(value or b""))
    return Verdict.FACT


def digest(value: bytes) -> bytes:
    """Return the digest of a message's value, 16 bytes: by it the order's next record names this one."""
    return sha256(value).digest()[:16]


def partition_of(order_id: str, partitions: int) -> int:
    """Return the partition of an order's records. Kafka's own partitioners give another one."""
    return int.from_bytes(sha256(order_id.encode()).digest()[:8], "big") % partitions


def _envelope_type() -> type:
    # A record's event may be damaged or of a later release. Its place in the chain depends on the envelope only.
    file = FileDescriptorProto(name="ordertrail/chain/envelope.proto", package="ordertrail.chain", syntax="proto3")
    file.dependency.extend([Record.DESCRIPTOR.file.name, "google/protobuf/timestamp.proto"])
    whole = FileDescriptorProto()
    Record.DESCRIPTOR.file.CopyToProto(whole)
    [record] = (message for message in whole.message_type if message.name == Record.DESCRIPTOR.name)
    envelope = file.message_type.add(name="Envelope")
    for field in record.field:
        if field.number <= 8:
            envelope.field.add().CopyFrom(field)
            envelope.field[-1].ClearField("oneof_index")
            envelope.field[-1].ClearField("proto3_optional")
    pool = Default()
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName("ordertrail.chain.Envelope"))


_Envelope = _envelope_type()


def _envelope_of(value: bytes | None) -> object:
    try:
        return _Envelope.FromString(value or b"")  # type: ignore[attr-defined]  # made from a descriptor
    except DecodeError:
        return None
