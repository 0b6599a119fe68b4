"""Hypothesis strategies for messages of any type, from their descriptors, and for documents of older producers."""

import json
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from ordertrail_server.schema.cases import message_class
from ordertrail_server.schema.hops.values import entry_of, is_map

Doc = dict[str, Any]

_DEEPEST = 4
_SIGNED_32, _UNSIGNED_32 = st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**32 - 1)
_SIGNED_64, _UNSIGNED_64 = st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**64 - 1)
_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_STRING: st.text(max_size=8),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=8),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_DOUBLE: st.floats(allow_nan=False),
    FieldDescriptor.TYPE_FLOAT: st.floats(allow_nan=False, width=32),
    FieldDescriptor.TYPE_INT32: _SIGNED_32,
    FieldDescriptor.TYPE_SINT32: _SIGNED_32,
    FieldDescriptor.TYPE_SFIXED32: _SIGNED_32,
    FieldDescriptor.TYPE_UINT32: _UNSIGNED_32,
    FieldDescriptor.TYPE_FIXED32: _UNSIGNED_32,
    FieldDescriptor.TYPE_INT64: _SIGNED_64,
    FieldDescriptor.TYPE_SINT64: _SIGNED_64,
    FieldDescriptor.TYPE_SFIXED64: _SIGNED_64,
    FieldDescriptor.TYPE_UINT64: _UNSIGNED_64,
    FieldDescriptor.TYPE_FIXED64: _UNSIGNED_64,
}


def messages(message: Descriptor) -> st.SearchStrategy[Message]:
    """Messages of this type: each field absent, at a bound, or anything between; of a oneof one member at most."""
    return _messages(message, 0)


def _messages(message: Descriptor, depth: int) -> st.SearchStrategy[Message]:
    fields = {field.name: _field(field, depth) for field in message.fields if depth < _DEEPEST}
    return st.fixed_dictionaries({}, optional=fields).map(lambda values: message_class(message)(**values))


def _field(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if is_map(field):
        key, value = entry_of(field)
        return st.dictionaries(_element(key, depth), _element(value, depth), max_size=3)
    element = _element(field, depth)
    return st.lists(element, max_size=3) if field.is_repeated else element


def _element(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return _messages(field.message_type, depth + 1)
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values])
    return _SCALARS[field.type]


_TEXT = st.text(max_size=8)
_INT64 = st.integers(-(2**63), 2**63 - 1)
_JSON = st.recursive(
    st.none() | st.booleans() | _INT64 | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)
_OTHER = st.dictionaries(_TEXT.map("x-{}".format), _JSON, max_size=2)
_TIMES = st.datetimes().map(lambda time: time.isoformat() + "Z")
_DAYS = st.dates().map(lambda day: f"{day.month:02}/{day.day:02}/{day.year:04}")


def _with_other(documents: st.SearchStrategy[Doc]) -> st.SearchStrategy[Doc]:
    return st.builds(lambda document, more_members: {**document, **more_members}, documents, _OTHER)


FLAT = _with_other(
    st.fixed_dictionaries(
        {"productId": st.text(min_size=1, max_size=8), "quantity": _INT64},
        optional={
            "id": _INT64,
            "company": _TEXT,
            "unitPrice": st.integers(0, 10**12) | st.floats(0, 1e12) | st.none(),
            "timestamp": st.integers(-62_135_596_800_000, 253_402_300_799_999),
        },
    )
)

_ITEM = _with_other(st.fixed_dictionaries({"productID": st.text(min_size=1, max_size=8), "quantity": _INT64}))
_ORDER = _with_other(
    st.fixed_dictionaries(
        {"orderID": st.just("order-1"), "items": st.lists(_ITEM, min_size=1, max_size=3)},
        optional={
            "creationDate": _TIMES,
            "expectedDeliveryDate": _DAYS,
            "status": st.sampled_from(["pending", "Shipped", ""]) | _TEXT,
            "customerID": _TEXT,
        },
    )
)
NESTED = _with_other(
    st.fixed_dictionaries(
        {"type": st.just("OrderCreated"), "order": _ORDER},
        optional={"orderID": st.just("order-1"), "timestamp": _TIMES},
    )
)

DOCUMENTS = (FLAT | NESTED).map(lambda document: json.dumps(document).encode())
"""Documents that have a reading, of both producers."""
