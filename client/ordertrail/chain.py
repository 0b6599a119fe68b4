"""The chain rule, for programs that read the log's topic directly: it decides which records are facts.

A record becomes a link of its order's chain if and only if it names the order's newest link as its predecessor. A link
with an event is a fact, a link without one is the recorded refusal of a submitted command. Several servers can append
to the topic at once and race. A reader that does not apply this rule counts some orders and goods twice.
"""

from enum import Enum
from hashlib import sha256
from typing import TypeAlias

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from ordertrail.log.v1.record_pb2 import Record

__all__ = ["Chains", "Verdict", "digest", "judge", "partition_of"]

NO_LINK = (0, b"")
"""The predecessor of the first link of an order."""

Chains: TypeAlias = dict[str, list[tuple[int, bytes]]]
"""The links read so far: {order id: (version, digest) of each link of its chain, in the order of the log}."""


class Verdict(Enum):
    """The verdict on a message of the log."""

    FACT = "fact"
    REFUSAL = "refusal"  # the outcome of a submitted command; a link that changes neither state nor version
    VOID = "void"  # late, repeated, or lost a race; has no effect
    BROKEN = "broken"  # damage, not a race; the order's state is unknown from here on
    FOREIGN = "foreign"  # not a record of an order of this partition; has no effect
    BARRIER = "barrier"  # a server appended it to find the end of the partition; has no effect


def judge(chains: Chains, key: bytes | None, value: bytes | None, partition: int, partitions: int) -> Verdict:
    """Return the verdict on the next message of a partition, and add the message to `chains` if it is a link.

    Call it with every message of the partition in order, from offset 0 on, or from the offset at which `chains` was
    saved. `partitions` is the number of the topic's partitions. Never raises, whatever the bytes are. One `chains` can
    serve all partitions.
    """
    if key == b"barrier" and not value:
        return Verdict.BARRIER
    record = parse_envelope(value)
    order_id: str = getattr(record, "order_id", "")
    if not order_id or key != order_id.encode() or partition != partition_of(order_id, partitions):
        return Verdict.FOREIGN
    chain = chains.get(order_id, [])
    version, is_refusal = record.order_version, bool(record.refusal)  # type: ignore[attr-defined]  # built from a descriptor
    predecessor = (version if is_refusal else version - 1, record.previous)  # type: ignore[attr-defined]  # likewise
    if predecessor == (chain[-1] if chain else NO_LINK):
        chains.setdefault(order_id, []).append((version, digest(value or b"")))
        return Verdict.REFUSAL if is_refusal else Verdict.FACT
    return Verdict.VOID if predecessor == NO_LINK or predecessor in chain else Verdict.BROKEN


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
        if field.number <= 9:
            envelope.field.add().CopyFrom(field)
            envelope.field[-1].ClearField("oneof_index")
            envelope.field[-1].ClearField("proto3_optional")
        if field.name == "refusal":  # its content may be damaged or of a later release, so only its presence counts
            envelope.field[-1].type, envelope.field[-1].label = (
                FieldDescriptorProto.TYPE_BYTES,
                FieldDescriptorProto.LABEL_REPEATED,
            )
            envelope.field[-1].ClearField("type_name")
    pool = Default()
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName("ordertrail.chain.Envelope"))


_Envelope = _envelope_type()


def parse_envelope(value: bytes | None) -> object:
    """Return the fields of a record that are not its event, None if they cannot be parsed. `refusal` is a list."""
    try:
        return _Envelope.FromString(value or b"")  # type: ignore[attr-defined]  # built from a descriptor
    except DecodeError:
        return None
