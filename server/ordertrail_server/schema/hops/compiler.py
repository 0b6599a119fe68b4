"""Compile a plan to a function, once, at start.

The function parses the bytes of the old message as the new message. That alone reads every field that keeps its number
and its bytes, at any depth. An excerpt of the old message takes the changed fields out before and puts them in after.
"""

from collections.abc import Callable
from operator import methodcaller
from typing import Any, NamedTuple, TypeAlias

from ordertrail_server.schema.hops.enums import build_recoder
from ordertrail_server.schema.hops.excerpt import excerpt_class
from ordertrail_server.schema.hops.excerpt_fields import (
    displaced_fields,
    excerpt_fields,
    is_recoded_in_place,
    stays_in_place,
)
from ordertrail_server.schema.hops.moves import Move, Read, build_move, combine_moves, path_getter
from ordertrail_server.schema.hops.nested_messages import MessageAction, apply_to_each, move_in_each
from ordertrail_server.schema.hops.plan import Match, Plan, Rule
from ordertrail_server.schema.hops.values import value_message

Into: TypeAlias = Callable[[Any, Any], None]
"""A function that reads the first message into the second one."""


class _Steps(NamedTuple):
    """The steps before and after the parsing: three lists, each in the order in which its steps run."""

    moves: list[Move]
    clears: list[MessageAction]  # run on the old message, after the moves have taken their values
    fills: list[MessageAction]  # run on the new message last; they need no old message


def compile_into(plan: Plan) -> Into:
    """Return the function that reads an old message into an empty new one. The function may raise CannotUpcast."""
    read = compile_stored(plan)
    return lambda old, new: read(old.SerializeToString(), new)


def compile_stored(plan: Plan) -> Read:
    """Return the function that reads the bytes of an old message into an empty new one.

    The function raises DecodeError if the bytes are malformed, and CannotUpcast.
    """
    excerpted, steps = excerpt_fields(plan), _steps(plan)
    read = _excerpted(excerpt_class(plan.old, excerpted).FromString, steps) if excerpted else _parse
    return _filled(read, steps.fills) if steps.fills else read


def only_parses(plan: Plan) -> bool:
    """Return whether parsing the old bytes as the new message does the whole hop."""
    return not excerpt_fields(plan) and not _steps(plan).fills


def _parse(stored: bytes, new: Any) -> None:
    new.MergeFromString(stored)


def _excerpted(excerpt: Callable[[bytes], Any], steps: _Steps) -> Read:
    clears = steps.clears

    def read(stored: bytes, new: Any) -> None:
        old = excerpt(stored)
        for clear in clears:
            clear(old)
        new.MergeFromString(old.SerializeToString())

    if not steps.moves:
        return read
    take, put = combine_moves(steps.moves)

    def read_moved(stored: bytes, new: Any) -> None:
        old = excerpt(stored)
        value = take(old)
        for clear in clears:
            clear(old)
        new.MergeFromString(old.SerializeToString())
        put(value, new)

    return read_moved


def _filled(read: Read, fills: list[MessageAction]) -> Read:
    def filled(stored: bytes, new: Any) -> None:
        read(stored, new)
        for fill in fills:
            fill(new)

    return filled


def _steps(plan: Plan) -> _Steps:
    steps = _Steps([], [methodcaller("ClearField", field.name) for field in displaced_fields(plan)], [])
    # A message comes before its fields.
    for match in sorted(plan.matches, key=lambda match: len(match.new)):
        if match.rule is Rule.LITERAL:
            steps.fills.append(_literal(match))
        elif match.old and not stays_in_place(match):
            steps.moves.append(build_move(match, _reader(match)))
        elif is_recoded_in_place(match):
            steps.fills.append(build_recoder(match))
        elif match.value.message is not None:
            _add_inside(match, _steps(match.value.message), steps)
    return steps


def _add_inside(match: Match, inner: _Steps, steps: _Steps) -> None:
    if inner.moves:
        steps.moves.append(move_in_each(match, combine_moves(inner.moves)))
    if inner.clears:
        steps.clears.append(apply_to_each(match.old[0], inner.clears))
    if inner.fills:
        steps.fills.append(apply_to_each(match.new[0], inner.fills))


def _literal(match: Match) -> MessageAction:
    at, name, value = path_getter(match.new[:-1]), match.new[-1].name, match.literal
    if match.new[-1].is_repeated:
        return lambda new: getattr(at(new), name).append(value)
    return lambda new: setattr(at(new), name, value)


def _reader(match: Match) -> Read | None:
    if value_message(match.new[-1]) is None:
        return None
    return _parse if match.value.message is None else compile_stored(match.value.message)
