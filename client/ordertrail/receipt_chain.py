"""Checks a receipt against the stored bytes of its order's records, without trust in any server.

A receipt contains the digest of its record, and each record names the digest of its predecessor. So the digest fixes
every earlier record of the order: if the bytes of these records have these digests, none of them was changed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from ordertrail.chain import digest, parse_envelope
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.receipt_pb2 import Receipt

__all__ = ["ChainWalk", "ProvenLink", "ReceiptResult", "Verification", "verify_values"]


class ReceiptResult(Enum):
    """What the check of a receipt has shown. Only VERIFIED is good news."""

    VERIFIED = "verified"  # the record is unchanged, and so is every record of its order before it
    FOREIGN_LOG = "foreign log"  # the receipt is of another log
    LOST_IN_RESTORE = "lost in a restore"  # the log was restored from a backup that did not have the record yet
    NEWER_THAN_LOG = "newer than the log"  # the log ends before the receipt's position: it has lost records
    RECORD_MISSING = "record missing"  # the log has no record at the receipt's position
    RECORD_CHANGED = "record changed"  # the log has another record at the receipt's position
    PREDECESSOR_CHANGED = "predecessor changed"  # the record is unchanged, and one before it is not
    NOT_A_FACT = "not a fact"  # all records are unchanged, and the server does not accept the record as a fact
    INCOMPLETE = "incomplete"  # nothing wrong was found, and not every predecessor was found


class ProvenLink(NamedTuple):
    """A record whose digest follows from the receipt. `position` is partition and offset, None if it is not known.

    `record` lacks the event if only the envelope can be parsed, and is empty if nothing can.
    """

    record: Record
    digest: bytes
    position: tuple[int, int] | None = None


@dataclass(frozen=True)
class Verification:
    """The result of a check. `links` are the records that were proven, the newest first.

    `detail` states what is wrong, in one sentence; it is empty if nothing is.
    """

    result: ReceiptResult
    links: tuple[ProvenLink, ...] = ()
    detail: str = ""


@dataclass
class ChainWalk:
    """The walk from the record of a receipt back to the first record of its order.

    `expected` is the digest of the record that comes next on this way, and `expected_version` its version. `fits` is
    false once a record is of another order or version.
    """

    receipt: Receipt
    expected: bytes = b""
    expected_version: int = 0
    fits: bool = True
    links: list[ProvenLink] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.expected, self.expected_version = self.receipt.digest, self.receipt.order_version

    @property
    def is_complete(self) -> bool:
        """True once a record without a predecessor was added."""
        return bool(self.links) and not self.expected

    def add(self, value: bytes, position: tuple[int, int] | None = None) -> bool:
        """Add the next record, which is proven if its bytes have the expected digest. Returns whether they have."""
        value_digest = digest(value)
        if value_digest != self.expected:
            return False
        envelope: Any = parse_envelope(value)
        record = Record() if envelope is None else _parse(value, envelope)
        self.fits &= (record.order_id, record.order_version) == (self.receipt.order_id, self.expected_version)
        self.links.append(ProvenLink(record, value_digest, position))
        self.expected = record.previous
        is_refusal = envelope is not None and bool(envelope.refusal)
        self.expected_version = record.order_version if is_refusal else record.order_version - 1
        return True

    def conclude(self, result: ReceiptResult, detail: str = "") -> Verification:
        """Return the verification with the records that were proven."""
        return Verification(result, tuple(self.links), detail)

    def verify(self) -> Verification:
        """Return the verification of a complete walk."""
        record, receipt = self.links[0].record, self.receipt
        stored, claimed = (record.order_id, record.order_version), (receipt.order_id, receipt.order_version)
        if stored != claimed:
            detail = f"The record is version {stored[1]} of order {stored[0]}, not what the receipt says."
            return self.conclude(ReceiptResult.RECORD_CHANGED, detail)
        if not self.fits or self.expected_version != 0:
            detail = f"The {len(self.links):,} records do not lead from the receipt's version to the first one."
            return self.conclude(ReceiptResult.INCOMPLETE, detail)
        return self.conclude(ReceiptResult.VERIFIED)


def verify_values(receipt: Receipt, values: Iterable[bytes]) -> Verification:
    """Check a receipt against the stored bytes of its order's records, from the receipt's record back to the first.

    Recorded refusals are links of the chain, too. Bytes that are no link, such as void records, must be left out.
    """
    walk = ChainWalk(receipt)
    for value in values:
        if walk.is_complete:
            break
        if not walk.add(value):
            return walk.conclude(*describe_change(walk))
    if not walk.links:
        return walk.conclude(ReceiptResult.RECORD_MISSING, "There is no record.")
    if not walk.is_complete:
        return walk.conclude(ReceiptResult.INCOMPLETE, f"No record has the digest {walk.expected.hex()}.")
    return walk.verify()


def describe_change(walk: ChainWalk) -> tuple[ReceiptResult, str]:
    """Return the result of a record that does not have the expected digest, and what is wrong."""
    if not walk.links:
        return ReceiptResult.RECORD_CHANGED, "The record does not have the digest of the receipt."
    version = walk.links[-1].record.order_version
    return ReceiptResult.PREDECESSOR_CHANGED, (
        f"The record before version {version} does not have the digest {walk.expected.hex()}, which version {version} "
        "names as its predecessor."
    )


def _parse(value: bytes, envelope: Any) -> Record:
    try:
        return Record.FromString(value)
    except DecodeError:  # the event is damaged, and it is not needed here
        readable = type(envelope)()
        readable.CopyFrom(envelope)
        readable.DiscardUnknownFields()
        readable.ClearField("refusal")
        return Record.FromString(readable.SerializeToString())
