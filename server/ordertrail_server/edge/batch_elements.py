"""Splits a batch request before it is parsed, because a small body can unfold into many times its size in memory.

The bound on the number of elements is checked on the bytes, and elements are parsed one at a time.
"""

from collections.abc import Iterator

from google.protobuf.message import Message

from buf.validate.validate_pb2 import field as rules
from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.edge.validation import refusal_of
from ordertrail_server.orders.refusal import Refusal, Refused, Violation
from ordertrail_server.schema.wire import read_varint

UNKNOWN_FIELDS = 100
"""The most unknown fields that a batch can have in addition to its elements, because skipping them takes time."""

VARINT, SIXTY_FOUR_BITS, BYTES, THIRTY_TWO_BITS = 0, 1, 2, 5
FIXED = {SIXTY_FOUR_BITS: 8, THIRTY_TWO_BITS: 4}


def split_batch(batch: type[Message], raw: bytes) -> list[bytes]:
    """Return each element of the batch's first field, a repeated message, as bytes, in order. Raises Refused."""
    return split_request(batch, raw)[0]


def split_request(batch: type[Message], raw: bytes) -> tuple[list[bytes], bytes]:
    """Return the elements as `split_batch` does, and the bytes of all other fields. Raises Refused."""
    field = batch.DESCRIPTOR.fields[0]
    max_elements = field.GetOptions().Extensions[rules].repeated.max_items
    elements, other_fields = list[bytes](), list[bytes]()
    try:
        for count, (number, element, whole) in enumerate(_iterate_fields(raw), 1):
            if number == field.number:
                elements.append(element)
            else:
                other_fields.append(whole)
            if len(elements) > max_elements or count > max_elements + UNKNOWN_FIELDS:
                text = f"must contain no more than {max_elements} item(s)"
                raise Refused(refusal_of([Violation(field.name, text, "repeated.max_items")]))
    except IndexError:
        text = f"The request is not a valid {batch.DESCRIPTOR.full_name} message."
        raise Refused(Refusal(reasons.ERROR_REASON_INVALID_REQUEST, text)) from None
    return elements, b"".join(other_fields)


def _iterate_fields(raw: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield (field number, value, whole field) of every field. Raises IndexError.

    Number and value of a field without a length prefix are 0 and empty.

    The source of the format: https://protobuf.dev/programming-guides/encoding/
    """
    at = 0
    while at < len(raw):
        begin = at
        tag, at = read_varint(raw, at)
        number, kind = tag >> 3, tag & 7
        if kind == BYTES:
            size, at = read_varint(raw, at)
            yield number, raw[at : at + size], raw[begin : at + size]
            at += size
        elif kind == VARINT:
            _, at = read_varint(raw, at)
            yield 0, b"", raw[begin:at]
        else:
            at += FIXED.get(kind, len(raw) + 1)  # groups are deprecated and not accepted
            yield 0, b"", raw[begin:at]
    if at > len(raw):
        raise IndexError
