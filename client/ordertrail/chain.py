"""The chain rule, for programs that read the log's topic directly: it decides which records are facts.

A record is a fact if and only if it names its order's newest fact as its predecessor. Several servers can append to the
topic at once and race. A reader that does not apply this rule counts some orders and goods twice.
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
"""The facts read so far: {order id: the digests of its facts, in the order of their versions}."""


class Verdict(Enum):
    """The verdict on a message of the log."""

    FACT = "fact"
    VOID = "void"  # late, repeated, or lost a race; has no effect
    BROKEN = "broken"  # damage, not a race; the order's state is unknown from here on
    FOREIGN = "foreign"  # not a record of an order of this partition; has no effect
    BARRIER = "barrier"  # a server appended it to find the end of the partition; has no effect


def judge(facts: Facts, key: bytes | None, value: bytes | None, partition: int, partitions: int) -> Verdict:
    """Return the verdict on the next message of a partition, and add the message to `facts` if it is a fact.

    Call it with every message of the partition in order, from offset 0 on, or from the offset at which `facts` was
    saved. `partitions` is the number of the topic's partitions. Never raises, whatever the bytes are. One `facts` can
    serve all partitions.
    """
    if key == b"barrier" and not value:
        return Verdict.BARRIER
    record = _envelope_of(value)
    order_id: str = getattr(record, "order_id", "")
    if not order_id or key != order_id.encode() or partition != partition_of(order_id, partitions):
        return Verdict.FOREIGN
    digests = facts.get(order_id, [])
    version, previous = record.order_version, record.previous  # type: ignore[attr-defined]  # built from a descriptor
    if not 1 <= version <= len(digests) + 1 or previous != (digests[version - 2] if version > 1 else b""):
        return Verdict.BROKEN
    if version <= len(digests):
        return Verdict.VOID
    facts.setdefault(order_id, []).append(digest(value or b""))
    return Verdict.FACT


def digest(value: bytes) -> bytes:
    """Return the digest of a message's value, 16 bytes. The order's next record names its predecessor by it."""
    return sha256(value).digest()[:16]


def partition_of(order_id: str, partitions: int) -> int:
    """Return the partition of an order's records. Kafka's own partitioners return another one."""
    return int.from_bytes(sha256(order_id.encode()).digest()[:8], "big") % partitions


def _envelope_type() -> type:
    # The event may be damaged or of a later release, so only the envelope of a record is parsed.
    file = FileDescriptorProto(name="ordertrail/chain/envelope.proto", package="ordertrail.chain", syntax="proto3")
    file.dependency.extend([Record.DESCRIPTOR.file.name, "google/protobuf/timestamp.proto"])
    record_file = FileDescriptorProto()
    Record.DESCRIPTOR.file.CopyToProto(record_file)
    [record] = (message for message in record_file.message_type if message.name == Record.DESCRIPTOR.name)
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
        return _Envelope.FromString(value or b"")  # type: ignore[attr-defined]  # built from a descriptor
    except DecodeError:
        return None
