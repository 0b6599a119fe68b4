"""The fields of an old message that a hop must parse. All other bytes pass unchanged."""

from typing import TypeAlias

from google.protobuf.descriptor import FieldDescriptor

from ordertrail_server.schema.hops.plan import Match, Plan, oneof_of
from ordertrail_server.schema.hops.values import value_field

ExcerptFields: TypeAlias = dict[str, "ExcerptFields | None"]
"""The fields to parse by name, with the fields of their messages; None for a field that is only cleared."""


def excerpt_fields(plan: Plan) -> ExcerptFields:
    """Return the fields of the old message to parse; empty if its bytes mean the same in the new message."""
    excerpted: ExcerptFields = dict.fromkeys(field.name for field in displaced_fields(plan))
    for match in plan.matches:
        if match.old:
            inner = excerpt_fields(match.value.message) if stays_in_place(match) and match.value.message else {}
            if inner or not (stays_in_place(match) and _parses_identically(match)):
                _merge(excerpted, _nest(match, inner))
    return excerpted


def stays_in_place(match: Match) -> bool:
    """Return whether the new message reads the bytes of a value where they are, even if it then changes the value."""
    return match.in_place and (match.value.same_bytes or is_recoded_in_place(match))


def is_recoded_in_place(match: Match) -> bool:
    """Return whether a value is parsed in place as its old enum number, which is then replaced."""
    if match.value.enum is None or not match.in_place:
        return False
    old, new = match.old[0], match.new[0]
    enum = value_field(new).enum_type
    alike = new.is_repeated or old.has_presence == new.has_presence
    return alike and enum is not None and not enum.is_closed


def displaced_fields(plan: Plan) -> list[FieldDescriptor]:
    """Return the fields of the old message whose bytes must not be parsed as the new one's."""
    kept_numbers = {match.old[0].number for match in plan.matches if stays_in_place(match)}
    return [field for number, field in plan.old.fields_by_number.items() if number not in kept_numbers]


def oneof_siblings(field: FieldDescriptor) -> list[FieldDescriptor]:
    """Return all members of a field's oneof; empty if the field is in no oneof."""
    oneof = field.containing_oneof
    return list(oneof.fields) if oneof and oneof_of(field) else []


def _parses_identically(match: Match) -> bool:
    # If bytes contain a field twice, a singular or oneof field takes the last value or a merge, a list takes both.
    old_siblings, new_siblings = (
        {field.number for field in oneof_siblings(path[-1])} for path in (match.old, match.new)
    )
    return old_siblings <= new_siblings and bool(old_siblings) == bool(new_siblings) and not match.value.to_list


def _nest(match: Match, inner: ExcerptFields) -> ExcerptFields:
    for field in reversed(match.old):
        inner = {field.name: inner}
    return inner


def _merge(excerpted: ExcerptFields, more: ExcerptFields) -> None:
    for name, inner in more.items():
        nested = excerpted.get(name) or {}
        if inner is not None:
            _merge(nested, inner)
            excerpted[name] = nested
        else:
            excerpted.setdefault(name)
