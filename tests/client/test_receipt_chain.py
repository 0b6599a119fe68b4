"""A receipt proves the stored bytes of its record, and of every earlier record of its order."""

from collections.abc import Sequence

import pytest
from google.protobuf.message import DecodeError
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder

from ordertrail.chain import digest
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.receipt_chain import ReceiptResult, verify_values
from ordertrail.v1.receipt_pb2 import Receipt


def build_values() -> list[bytes]:
    """Return the records of an order, the newest first: three facts, and a recorded refusal before the last one."""
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_fact("order-1", PLUM_ADDED)
    builder.add_refusal("order-1")
    builder.add_fact("order-1", CONFIRMED)
    return [entry.value for entry in reversed(builder.records[0])]


VALUES = build_values()
RECEIPT = Receipt(order_id="order-1", order_version=3, digest=digest(VALUES[0]))


def change(value: bytes) -> bytes:
    """Return a record with another event id, which is still readable."""
    return value.replace(b"event-", b"Event-")


def replace(index: int, value: bytes) -> list[bytes]:
    return [*VALUES[:index], value, *VALUES[index + 1 :]]


def test_true_receipt_is_verified_and_names_the_proven_records() -> None:
    verification = verify_values(RECEIPT, VALUES)
    assert (verification.result, verification.detail) == (ReceiptResult.VERIFIED, "")
    assert [link.digest for link in verification.links] == list(map(digest, VALUES))
    assert [link.record.order_version for link in verification.links] == [3, 2, 2, 1]


@pytest.mark.parametrize(
    ("values", "result", "proven_count"),
    [
        (replace(0, change(VALUES[0])), ReceiptResult.RECORD_CHANGED, 0),
        (replace(1, change(VALUES[1])), ReceiptResult.PREDECESSOR_CHANGED, 1),
        (replace(3, change(VALUES[3])), ReceiptResult.PREDECESSOR_CHANGED, 3),
        (replace(3, b"\xff no record"), ReceiptResult.PREDECESSOR_CHANGED, 3),
        ([*VALUES[:1], *VALUES[2:]], ReceiptResult.PREDECESSOR_CHANGED, 1),
        (VALUES[:-1], ReceiptResult.INCOMPLETE, 3),
        ([], ReceiptResult.RECORD_MISSING, 0),
    ],
    ids=["record", "predecessor", "first record", "unreadable", "removed", "first record not given", "none given"],
)
def test_changed_or_missing_record_is_found(values: Sequence[bytes], result: ReceiptResult, proven_count: int) -> None:
    verification = verify_values(RECEIPT, values)
    assert (verification.result, len(verification.links)) == (result, proven_count)
    assert verification.detail.endswith(".")


@pytest.mark.parametrize("claim", [{"order_id": "order-2"}, {"order_version": 2}])
def test_receipt_that_names_another_order_or_version_than_its_record_is_not_verified(claim: dict[str, object]) -> None:
    receipt = Receipt()
    receipt.CopyFrom(RECEIPT)
    for name, value in claim.items():
        setattr(receipt, name, value)
    verification = verify_values(receipt, VALUES)
    assert verification.result is ReceiptResult.RECORD_CHANGED
    assert "version 3 of order order-1" in verification.detail


def test_bytes_that_are_no_record_prove_nothing_even_if_the_receipt_has_their_digest() -> None:
    receipt = Receipt(order_id="order-1", order_version=1, digest=digest(b"\xff no record"))
    assert verify_values(receipt, [b"\xff no record"]).result is ReceiptResult.RECORD_CHANGED


DAMAGED_EVENT = b"\xa2\x01\x02\xff\xff"
"""The field order_placed_v2, whose content is not a message."""


def build_record(version: int, previous: bytes, more: bytes = b"") -> bytes:
    return Record(order_id="order-1", order_version=version, previous=previous).SerializeToString() + more


def verify_chain(*values: bytes) -> tuple[ReceiptResult, list[int]]:
    receipt = Receipt(order_id="order-1", order_version=3, digest=digest(values[0]))
    verification = verify_values(receipt, values)
    return verification.result, [link.record.order_version for link in verification.links]


def test_record_with_a_damaged_event_still_names_its_predecessor() -> None:
    first = build_record(1, b"")
    second = build_record(2, digest(first), DAMAGED_EVENT)
    third = build_record(3, digest(second))
    with pytest.raises(DecodeError):
        Record.FromString(second)
    assert verify_chain(third, second) == (ReceiptResult.INCOMPLETE, [3, 2])
    assert verify_chain(third, second, first) == (ReceiptResult.VERIFIED, [3, 2, 1])


@pytest.mark.parametrize(
    "last",
    [b"\xff no record", build_record(2, b""), build_record(1, b""), b""],
    ids=["unreadable", "not the first version", "gap of versions", "empty"],
)
def test_chain_whose_versions_do_not_lead_to_the_first_is_incomplete(last: bytes) -> None:
    result, _ = verify_chain(build_record(3, digest(last)), last)
    assert result is ReceiptResult.INCOMPLETE
