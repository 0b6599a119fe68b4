"""Which changes of a field's type lose nothing, and which of those do not even change its bytes."""

from typing import Final

from google.protobuf.descriptor import FieldDescriptor as F

# The whole numbers that a type holds; the widths are of https://protobuf.dev/programming-guides/proto3/#scalar.
_SIGNED_32: Final = (-(2**31), 2**31 - 1)
_SIGNED_64: Final = (-(2**63), 2**63 - 1)
_WHOLE: Final = {
    F.TYPE_INT32: _SIGNED_32,
    F.TYPE_SINT32: _SIGNED_32,
    F.TYPE_SFIXED32: _SIGNED_32,
    F.TYPE_UINT32: (0, 2**32 - 1),
    F.TYPE_FIXED32: (0, 2**32 - 1),
    F.TYPE_INT64: _SIGNED_64,
    F.TYPE_SINT64: _SIGNED_64,
    F.TYPE_SFIXED64: _SIGNED_64,
    F.TYPE_UINT64: (0, 2**64 - 1),
    F.TYPE_FIXED64: (0, 2**64 - 1),
}
# A double holds whole numbers exactly up to 2**53.
_DOUBLE: Final = (-(2**53), 2**53)
# Types of one set write a number that both can hold as the same bytes.
_ALIKE: Final = (
    {F.TYPE_INT32, F.TYPE_INT64, F.TYPE_UINT32, F.TYPE_UINT64},
    {F.TYPE_SINT32, F.TYPE_SINT64},
)
# The wire type of each type, where it is no varint: https://protobuf.dev/programming-guides/encoding/#structure.
_I64, _LEN, _I32 = 1, 2, 5
_WIRE_TYPE: Final = {
    **dict.fromkeys((F.TYPE_FIXED64, F.TYPE_SFIXED64, F.TYPE_DOUBLE), _I64),
    **dict.fromkeys((F.TYPE_STRING, F.TYPE_BYTES, F.TYPE_MESSAGE), _LEN),
    **dict.fromkeys((F.TYPE_FIXED32, F.TYPE_SFIXED32, F.TYPE_FLOAT), _I32),
}


def loses_nothing(old: int, new: int) -> bool:
    """Return whether every value of one scalar type is a value of the other (FieldDescriptor.TYPE_…)."""
    if old == new or (old, new) == (F.TYPE_FLOAT, F.TYPE_DOUBLE):
        return True
    if old not in _WHOLE:
        return False
    low, high = _WHOLE[old]
    least, most = _DOUBLE if new == F.TYPE_DOUBLE else _WHOLE.get(new, (0, 0))
    return least <= low and high <= most


def same_bytes(old: int, new: int) -> bool:
    """Return whether the value of a field has the same bytes in both types, where nothing is lost."""
    return old == new or any(old in alike and new in alike for alike in _ALIKE)


def same_wire_type(old: int, new: int) -> bool:
    """Return whether a parser finds the value of one type where it looks for the other, whatever it reads there."""
    return _WIRE_TYPE.get(old) == _WIRE_TYPE.get(new)
