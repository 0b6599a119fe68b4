"""What of an old message must be known to read it as the new one; all else of it is bytes that pass as they are."""

from typing import TypeAlias

from google.protobuf.descriptor import FieldDescriptor

from ordertrail_server.schema.hops.plan import Match, Plan, oneof_of
from ordertrail_server.schema.hops.values import held_in

Known: TypeAlias = dict[str, "Known | None"]
"""The fields to know by their names, and those of the messages in them; None for what is only to be cleared."""


def known_in(plan: Plan) -> Known:
    """Return what must be known of the old message; nothing if its bytes, parsed as the new one, say the same."""
    known: Known = dict.fromkeys(field.name for field in given_up(plan))
    for found in plan.matches:
        if found.old:
            inner = known_in(found.value.message) if stays(found) and found.value.message else {}
            if inner or not (stays(found) and _parses_alike(found)):
                _add(known, _at(found, inner))
    return known


def stays(found: Match) -> bool:
    """Return whether the bytes of a value lie where the new message looks for them, whatever is to be done to it."""
    return found.in_place and (found.value.same_bytes or recodes(found))


def recodes(found: Match) -> bool:
    """Return whether a value is parsed in its place as the number that it had in its enum, and has another now."""
    if found.value.enum is None or not found.in_place:
        return False
    old, new = found.old[0], found.new[0]
    enum = held_in(new).enum_type
    alike = new.is_repeated or old.has_presence == new.has_presence
    return alike and enum is not None and not enum.is_closed


def given_up(plan: Plan) -> list[FieldDescriptor]:
    """Return the fields of the old message whose bytes must not be parsed as the new one's."""
    kept = {found.old[0].number for found in plan.matches if stays(found)}
    return [field for number, field in plan.old.fields_by_number.items() if number not in kept]


def rivals(field: FieldDescriptor) -> list[FieldDescriptor]:
    """Return the members of the oneof of a field, of which one alone can be set; none if it is in no oneof."""
    oneof = field.containing_oneof
    return list(oneof.fields) if oneof and oneof_of(field) else []


def _parses_alike(found: Match) -> bool:
    # Bytes that say a field twice mean the last one, or a merge, where it is single or in a oneof, and else both.
    were, are = ({field.number for field in rivals(path[-1])} for path in (found.old, found.new))
    return were <= are and bool(were) == bool(are) and not found.value.to_list


def _at(found: Match, inner: Known) -> Known:
    for field in reversed(found.old):
        inner = {field.name: inner}
    return inner


def _add(known: Known, more: Known) -> None:
    for name, inner in more.items():
        there = known.get(name) or {}
        if inner is not None:
            _add(there, inner)
            known[name] = there
        else:
            known.setdefault(name)
