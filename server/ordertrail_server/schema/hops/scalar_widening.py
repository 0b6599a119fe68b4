"""Changes of a scalar type that lose no value, and those that also keep the bytes."""

from typing import Final

from google.protobuf.descriptor import FieldDescriptor as F

# The integers that a type can represent; the widths are of https://protobuf.dev/programming-guides/proto3/#scalar.
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
# The types of one set encode a number as the same bytes if both can represent it.
_ALIKE: Final = (
    {F.TYPE_INT32, F.TYPE_INT64, F.TYPE_UINT32, F.TYPE_UINT64},
    {F.TYPE_SINT32, F.TYPE_SINT64},
)


def loses_nothing(old: int, new: int) -> bool:
    """Return whether every value of one scalar type is a value of the other (FieldDescriptor.TYPE_…)."""
    if old == new or (old, new) == (F.TYPE_FLOAT, F.TYPE_DOUBLE):
        return True
    if old not in _WHOLE:
        return False
    low, high = _WHOLE[old]
    new_low, new_high = _DOUBLE if new == F.TYPE_DOUBLE else _WHOLE.get(new, (0, 0))
    return new_low <= low and high <= new_high


def same_bytes(old: int, new: int) -> bool:
    """Return whether the value of a field has the same bytes in both types, where nothing is lost."""
    return old == new or any(old in alike and new in alike for alike in _ALIKE)
