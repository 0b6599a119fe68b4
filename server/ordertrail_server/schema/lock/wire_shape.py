"""Compare the wire formats of two fields: equal if the bytes of one are parsed as the same value of the other."""

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor


def field_gaps(first: FieldDescriptor, second: FieldDescriptor, compared: frozenset[str] = frozenset()) -> list[str]:
    """Return the differences between the wire formats of two fields. Ignores presence: an absent value has no bytes."""
    subject = f"{first.full_name} and {second.full_name}"
    if first.name != second.name:
        return [f"{subject} have the same number but different names"]
    if first.type != second.type:
        return [f"{subject} have different types"]
    if (first.is_repeated, first.is_packed) != (second.is_repeated, second.is_packed):
        return [f"{subject} are not both repeated or both single"]
    if first.message_type is not None and second.message_type is not None:
        return _message_gaps(first.message_type, second.message_type, compared)
    if (
        first.enum_type is not None
        and second.enum_type is not None
        and _values(first.enum_type) != _values(second.enum_type)
    ):
        return [f"{subject} have enums with different values"]
    return []


def _message_gaps(stored: Descriptor, public: Descriptor, compared: frozenset[str]) -> list[str]:
    if stored.full_name == public.full_name or stored.full_name in compared:
        return []
    gaps = []
    for number in sorted({*stored.fields_by_number, *public.fields_by_number}):
        stored_field, public_field = stored.fields_by_number.get(number), public.fields_by_number.get(number)
        if stored_field is None or public_field is None:
            owner, non_owner = (stored, public) if stored_field else (public, stored)
            gaps.append(f"{owner.full_name} has a field {number}, {non_owner.full_name} has none")
        else:
            gaps += field_gaps(stored_field, public_field, compared | {stored.full_name})
    return gaps


def _values(enum: EnumDescriptor) -> dict[int, str]:
    return {value.number: value.name for value in enum.values}
