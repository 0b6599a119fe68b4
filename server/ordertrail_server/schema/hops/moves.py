"""Move values whose field or whose bytes change from the old message to the new one."""

from collections.abc import Callable, Sequence
from operator import attrgetter, methodcaller
from typing import Any, NamedTuple, TypeAlias

from google.protobuf.descriptor import FieldDescriptor

from ordertrail_server.schema.hops.enums import enum_converter
from ordertrail_server.schema.hops.plan import Match, Path
from ordertrail_server.schema.hops.values import is_map, value_message

Read: TypeAlias = Callable[[bytes, Any], None]
"""Reads the bytes of a message into another one."""

Take: TypeAlias = Callable[[Any], Any]
Put: TypeAlias = Callable[[Any, Any], None]


class Move(NamedTuple):
    """Takes a value from an old message and puts it into a new one. In between the value belongs to neither message:
    it is a number, text, or a message's bytes."""

    take: Take
    """Returns the value of an old message in the new form, or None if it is absent. Raises CannotUpcast."""

    put: Put
    """Puts such a value, or None, into a new message."""


def build_move(match: Match, read: Read | None) -> Move:
    """Return the move of a match. `read` reads each message in the value; it is None if there are none."""
    return Move(_build_take(match.old, _value_converter(match)), _build_put(match, read))


def combine_moves(moves: Sequence[Move]) -> Move:
    """Return one move for one or more moves. It puts the values in their order."""
    if len(moves) == 1:
        return moves[0]
    half = len(moves) // 2
    (take_first, put_first), (take_second, put_second) = combine_moves(moves[:half]), combine_moves(moves[half:])

    def take(old: Any) -> tuple[Any, Any]:
        return take_first(old), take_second(old)

    def put(values: tuple[Any, Any], new: Any) -> None:
        first_value, second_value = values
        put_first(first_value, new)
        put_second(second_value, new)

    return Move(take, put)


def path_getter(path: Path) -> Callable[[Any], Any]:
    """Return the function from a message to the message at a path in it, whether that is set or not."""
    return attrgetter(".".join(field.name for field in path)) if path else lambda message: message


def _build_take(path: Path, convert: Take | None) -> Take:
    take = _build_field_take(path[-1], convert)
    if len(path) == 1:
        return take
    # An access to an absent message returns an empty one, so no presence check is needed.
    holder_of = path_getter(path[:-1])
    return lambda old: take(holder_of(old))


def _build_field_take(field: FieldDescriptor, convert: Take | None) -> Take:
    name, convert_all = field.name, _convert_all(field, convert)
    if not field.has_presence:
        return lambda old: convert_all(value) if (value := getattr(old, name)) else None
    if field.message_type is not None:
        return lambda old: convert_all(getattr(old, name)) if old.HasField(name) else None
    if convert is None:
        return lambda old: value if (value := getattr(old, name)) or old.HasField(name) else None
    return lambda old: convert(value) if (value := getattr(old, name)) or old.HasField(name) else None


def _value_converter(match: Match) -> Take | None:
    """Return the function that detaches a value from its message, or None if the value is independent already."""
    if value_message(match.old[-1]) is not None:
        return methodcaller("SerializeToString")
    return None if match.value.enum is None else enum_converter(match.value.enum, match.old[-1].full_name)


def _convert_all(field: FieldDescriptor, convert: Take | None) -> Take:
    convert = convert or (lambda value: value)
    if is_map(field):
        return lambda values: {key: convert(values[key]) for key in values}
    return (lambda values: [convert(value) for value in values]) if field.is_repeated else convert


def _build_put(match: Match, read: Read | None) -> Put:
    name, fill = match.new[-1].name, _build_fill(match, read)
    if len(match.new) > 1:
        target_of = path_getter(match.new[:-1])
        # Do not clear the field: clearing a field of a nested message would make that message present.
        return lambda value, new: None if value is None else fill(value, target_of(new))
    if read is None and not match.new[-1].is_repeated:
        return _build_scalar_put(name)

    def put(value: Any, new: Any) -> None:
        # The new message may have parsed unknown bytes of the old message here.
        new.ClearField(name)
        if value is not None:
            fill(value, new)

    return put


def _build_scalar_put(name: str) -> Put:
    """Return the function that puts a number or text into a field: the most common case by far."""

    def put(value: Any, new: Any) -> None:
        if value is None:
            new.ClearField(name)
        else:
            setattr(new, name, value)

    return put


def _build_fill(match: Match, read: Read | None) -> Put:
    field, name = match.new[-1], match.new[-1].name
    if read is None:
        return _build_scalar_fill(field, single=not match.old[-1].is_repeated)
    if is_map(field):
        return lambda value, target: _read_map(value, getattr(target, name), read)
    if field.is_repeated:
        is_list = match.old[-1].is_repeated
        return lambda value, target: _read_list(value if is_list else [value], getattr(target, name), read)

    def fill(value: bytes, target: Any) -> None:
        inner = getattr(target, name)
        inner.SetInParent()
        read(value, inner)

    return fill


def _build_scalar_fill(field: FieldDescriptor, *, single: bool) -> Put:
    name = field.name
    if is_map(field):
        return lambda value, target: getattr(target, name).update(value)
    if field.is_repeated:
        return lambda value, target: getattr(target, name).extend([value] if single else value)
    return lambda value, target: setattr(target, name, value)


def _read_list(values: list[bytes], messages: Any, read: Read) -> None:
    for value in values:
        read(value, messages.add())


def _read_map(values: dict[Any, bytes], messages: Any, read: Read) -> None:
    for key, value in values.items():
        read(value, messages[key])
