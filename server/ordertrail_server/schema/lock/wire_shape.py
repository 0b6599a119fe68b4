"""Whether two fields have one wire shape: each reads the bytes of the other as the same thing."""

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor


def field_gaps(one: FieldDescriptor, other: FieldDescriptor, seen: frozenset[str] = frozenset()) -> list[str]:
    """Return where two fields differ on the wire. Presence does not count: an absent value has no bytes either way."""
    both = f"{one.full_name} and {other.full_name}"
    if one.name != other.name:
        return [f"{both} have one number but two names"]
    if one.type != other.type:
        return [f"{both} are not of one type"]
    if (one.is_repeated, one.is_packed) != (other.is_repeated, other.is_packed):
        return [f"{both} are not repeated alike"]
    if one.message_type is not None and other.message_type is not None:
        return _message_gaps(one.message_type, other.message_type, seen)
    if one.enum_type is not None and other.enum_type is not None and _values(one.enum_type) != _values(other.enum_type):
        return [f"{both} do not know the same values"]
    return []


def _message_gaps(stored: Descriptor, public: Descriptor, seen: frozenset[str]) -> list[str]:
    if stored.full_name == public.full_name or stored.full_name in seen:
        return []
    gaps = []
    for number in sorted({*stored.fields_by_number, *public.fields_by_number}):
        one, other = stored.fields_by_number.get(number), public.fields_by_number.get(number)
        if one is None or other is None:
            has, lacks = (stored, public) if one else (public, stored)
            gaps.append(f"{has.full_name} has a field {number}, {lacks.full_name} has none")
        else:
            gaps += field_gaps(one, other, seen | {stored.full_name})
    return gaps


def _values(enum: EnumDescriptor) -> dict[int, str]:
    return {value.number: value.name for value in enum.values}
