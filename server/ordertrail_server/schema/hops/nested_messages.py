"""Actions on each message in a field: the single message, those of a list, or those of a map."""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, TypeAlias

from google.protobuf.descriptor import FieldDescriptor

from ordertrail_server.schema.hops.moves import Move
from ordertrail_server.schema.hops.plan import Match
from ordertrail_server.schema.hops.values import is_map

MessageAction: TypeAlias = Callable[[Any], None]
"""Changes or checks one message."""


def move_in_each(match: Match, inner: Move) -> Move:
    """Return the move that applies `inner` to each message in a field."""
    before, after, (take_inner, put_inner) = _messages(match.old[0]), _messages(match.new[0]), inner

    def take(old: Any) -> list[Any]:
        return [take_inner(message) for message in before(old)]

    def put(values: list[Any], new: Any) -> None:
        for value, message in zip(values, after(new), strict=True):
            put_inner(value, message)

    return Move(take, put)


def apply_to_each(field: FieldDescriptor, steps: Iterable[MessageAction]) -> MessageAction:
    """Return the action that applies all steps to each message in a field."""
    messages, steps = _messages(field), list(steps)

    def do(holder: Any) -> None:
        for message in messages(holder):
            for step in steps:
                step(message)

    return do


def _messages(field: FieldDescriptor) -> Callable[[Any], Iterable[Any]]:
    """Return the function that lists the messages in a field, in one order for all messages with the same bytes."""
    name = field.name
    if is_map(field):
        return lambda holder: [entries[key] for entries in [getattr(holder, name)] for key in sorted(entries)]
    if field.is_repeated:
        return attrgetter(name)
    return lambda holder: [getattr(holder, name)] if holder.HasField(name) else []
