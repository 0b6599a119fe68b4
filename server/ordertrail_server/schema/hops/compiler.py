"""Plans made into functions, once, at start.

The bytes of the old message are parsed as the new one: all that keeps its number and bytes, to whatever depth, is read
by that alone. Only what changes is touched then, field by field.
"""

from google.protobuf.message import Message

from ordertrail_server.schema.hops.inside import inside
from ordertrail_server.schema.hops.moves import Into, move, walk
from ordertrail_server.schema.hops.plan import Match, Plan, Rule, oneof_of
from ordertrail_server.schema.hops.values import message_in


def compile_into(plan: Plan) -> Into:
    """Return the function that reads an old message into a new one, which is empty; it may raise CannotUpcast."""
    fixes, discards = _fixes(plan), gives_up(plan)

    def into(old: Message, new: Message) -> None:
        new.MergeFromString(old.SerializeToString())
        if discards:
            new.DiscardUnknownFields()
        for fix in fixes:
            fix(old, new)

    return into


def only_parses(plan: Plan) -> bool:
    """Return whether to parse the old bytes as the new message, and discard what is unknown there, is all there is."""
    return not _fixes(plan) and all(_parses_alike(found) for found in plan.matches)


def _parses_alike(found: Match) -> bool:
    # Bytes that say a field twice mean the last one, or a merge, where it is single or in a oneof, and else both.
    if not found.old:
        return True
    was, is_now = (bool(oneof_of(path[-1])) for path in (found.old, found.new))
    inner = found.value.message
    return not found.value.to_list and was == is_now and (inner is None or only_parses(inner))


def gives_up(plan: Plan) -> bool:
    """Return whether bytes of the old message have no place in the new one, at whatever depth."""
    if set(plan.old.fields_by_number) - set(plan.new.fields_by_number):
        return True
    return any(found.value.message is not None and gives_up(found.value.message) for found in plan.matches)


def _fixes(plan: Plan) -> list[Into]:
    """Return what is left to do after the old bytes were parsed as the new message."""
    return [fix for found in plan.matches if (fix := _fix(found)) is not None]


def _fix(found: Match) -> Into | None:
    if found.rule is Rule.ABSENT:
        return None
    if found.rule is Rule.LITERAL:
        return _literal(found)
    if not found.in_place or not found.value.same_bytes:
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
