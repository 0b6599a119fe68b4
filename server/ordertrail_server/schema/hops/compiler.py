"""Plans made into functions, once, at start.

The bytes of the old message are parsed as the new one: all that keeps its number and bytes, to whatever depth, is read
by that alone. Only what changes is touched then, field by field.
"""

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from ordertrail_server.schema.cases import message_class
from ordertrail_server.schema.hops.apart import apart, stands_apart, without
from ordertrail_server.schema.hops.inside import inside
from ordertrail_server.schema.hops.moves import Into, move, walk
from ordertrail_server.schema.hops.plan import Match, Plan, Rule, oneof_of
from ordertrail_server.schema.hops.values import message_in


def compile_into(plan: Plan) -> Into:
    """Return the function that reads an old message into a new one, which is empty; it may raise CannotUpcast."""
    fixes, discards, misread = _fixes(plan), gives_up(plan), apart(plan)
    serialized = without(misread) if misread else _whole

    def into(old: Message, new: Message) -> None:
        new.MergeFromString(serialized(old))
        if discards:
            new.DiscardUnknownFields()
        for fix in fixes:
            fix(old, new)

    return into


def compile_stored(plan: Plan) -> Callable[[bytes, Any], None]:
    """Return the function that reads the bytes of an old message into a new one; it may raise what compile_into does.

    Where it can it parses them as the new message at once; as the old one only if something must be looked up there.
    """
    into, kind = compile_into(plan), message_class(plan.old)

    def read_old(stored: bytes, new: Any) -> None:
        old = kind()
        old.MergeFromString(stored)
        into(old, new)

    if not _bytes_alike(plan):
        return read_old
    fixes, discards = _fixes(plan), gives_up(plan)
    asks = any(found.old and _fix(found) is not None for found in plan.matches)

    def read(stored: bytes, new: Any) -> None:
        new.MergeFromString(stored)
        if discards:
            new.DiscardUnknownFields()
        if asks:
            old = kind()
            old.MergeFromString(stored)
        else:
            old = None
        for fix in fixes:
            fix(old, new)

    return read


def _whole(message: Message) -> bytes:
    return message.SerializeToString()


def only_parses(plan: Plan) -> bool:
    """Return whether to parse the old bytes as the new message, and discard what is unknown there, is all there is."""
    return not _fixes(plan) and _bytes_alike(plan)


def _bytes_alike(plan: Plan) -> bool:
    """Return whether any bytes of the old message say in place, parsed as the new one, what they said."""
    return not apart(plan) and all(_parses_alike(found) for found in plan.matches)


def _parses_alike(found: Match) -> bool:
    # Bytes that say a field twice mean the last one, or a merge, where it is single or in a oneof, and else both.
    if not found.old:
        return True
    were, are = _rivals(found.old[-1]), _rivals(found.new[-1])
    inner = found.value.message
    alike = were <= are and bool(were) == bool(are) and not found.value.to_list
    return alike and (inner is None or _bytes_alike(inner))


def _rivals(field: FieldDescriptor) -> set[int]:
    """Return the numbers of which one alone can be set, if it is one; empty for a field in no oneof."""
    oneof = field.containing_oneof
    return {member.number for member in oneof.fields} if oneof and oneof_of(field) else set()


def gives_up(plan: Plan) -> bool:
    """Return whether bytes of the old message have no place in the new one, at whatever depth."""
    if set(plan.old.fields_by_number) - set(plan.new.fields_by_number):
        return True
    return any(found.value.message is not None and gives_up(found.value.message) for found in plan.matches)


def _fixes(plan: Plan) -> list[Into]:
    """Return what is left to do after the old bytes were parsed as the new message."""
    # A message comes before what is put into it.
    matches = sorted(plan.matches, key=lambda found: len(found.new))
    return [fix for found in matches if (fix := _fix(found)) is not None]


def _fix(found: Match) -> Into | None:
    if found.rule is Rule.ABSENT:
        return None
    if found.rule is Rule.LITERAL:
        return _literal(found)
    if not found.in_place or not found.value.same_bytes or stands_apart(found):
        return move(found, _reader(found))
    inner = [] if found.value.message is None else _fixes(found.value.message)
    return inside(found, inner) if inner else None


def _literal(found: Match) -> Into:
    at, name, value = walk(found.new[:-1]), found.new[-1].name, found.literal

    def fix(_: Message, new: Message) -> None:
        setattr(at(new), name, value)

    return fix


def _reader(found: Match) -> Into | None:
    if message_in(found.new[-1]) is None:
        return None
    if found.value.message is not None:
        return compile_into(found.value.message)
    return lambda old, new: new.MergeFrom(old)
