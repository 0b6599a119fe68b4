"""Values that change their place or their bytes: each is taken out of the old message, and put into the new one."""

from collections.abc import Callable, Sequence
from operator import attrgetter, methodcaller
from typing import Any, NamedTuple, TypeAlias

from google.protobuf.descriptor import FieldDescriptor

from ordertrail_server.schema.hops.enums import converter
from ordertrail_server.schema.hops.plan import Match, Path
from ordertrail_server.schema.hops.values import is_map, message_in

Read: TypeAlias = Callable[[bytes, Any], None]
"""Reads the bytes of a message into another one."""

_Take: TypeAlias = Callable[[Any], Any]
_Put: TypeAlias = Callable[[Any, Any], None]


class Move(NamedTuple):
    """A value on its way. In between it hangs on neither message: numbers and text, and messages as their bytes."""

    take: _Take
    """Returns the value that an old message says, as the new one has it; None if it says none. Raises CannotUpcast."""

    put: _Put
    """Puts such a value into a new message."""


def move(found: Match, read: Read | None) -> Move:
    """Return what moves a value; `read` reads each message of it, and is None where it holds none."""
    return Move(_take(found.old, _one(found)), _put(found, read))


def together(moves: Sequence[Move]) -> Move:
    """Return what moves all of these values, of which there is one at least; they are put in in their order."""
    if len(moves) == 1:
        return moves[0]
    half = len(moves) // 2
    (take_one, put_one), (take_other, put_other) = together(moves[:half]), together(moves[half:])

    def take(old: Any) -> tuple[Any, Any]:
        return take_one(old), take_other(old)

    def put(values: tuple[Any, Any], new: Any) -> None:
        one, other = values
        put_one(one, new)
        put_other(other, new)

    return Move(take, put)


def walk(path: Path) -> Callable[[Any], Any]:
    """Return what leads from a message to the one at a path in it, whether that is set or not."""
    return attrgetter(".".join(field.name for field in path)) if path else lambda message: message


def _take(path: Path, one: _Take | None) -> _Take:
    take = _take_here(path[-1], one)
    if len(path) == 1:
        return take
    # A message that is not there says nothing, so that it need not be asked for.
    holder_of = walk(path[:-1])
    return lambda old: take(holder_of(old))


def _take_here(field: FieldDescriptor, one: _Take | None) -> _Take:
    name, all_of = field.name, _all(field, one)
    if not field.has_presence:
        return lambda old: all_of(held) if (held := getattr(old, name)) else None
    if field.message_type is not None:
        return lambda old: all_of(getattr(old, name)) if old.HasField(name) else None
    if one is None:
        return lambda old: held if (held := getattr(old, name)) or old.HasField(name) else None
    return lambda old: one(held) if (held := getattr(old, name)) or old.HasField(name) else None


def _one(found: Match) -> _Take | None:
    """Return what makes of one value what stays when its message is cleared, None where it is that already."""
    if message_in(found.old[-1]) is not None:
        return methodcaller("SerializeToString")
    return None if found.value.enum is None else converter(found.value.enum, found.old[-1].full_name)


def _all(field: FieldDescriptor, one: _Take | None) -> _Take:
    one = one or (lambda value: value)
    if is_map(field):
        return lambda held: {key: one(held[key]) for key in held}
    return (lambda held: [one(value) for value in held]) if field.is_repeated else one


def _put(found: Match, read: Read | None) -> _Put:
    name, fill = found.new[-1].name, _fill(found, read)
    if len(found.new) > 1:
        target_of = walk(found.new[:-1])
        # Nothing is cleared there: to clear a field of a nested message would make that message present.
        return lambda value, new: None if value is None else fill(value, target_of(new))
    if read is None and not found.new[-1].is_repeated:
        return _set(name)

    def put(value: Any, new: Any) -> None:
        # Bytes that the old message does not know may have been parsed there.
        new.ClearField(name)
        if value is not None:
            fill(value, new)

    return put


def _set(name: str) -> _Put:
    """Return what puts a number or a text into a field, which is by far the most common."""

    def put(value: Any, new: Any) -> None:
        if value is None:
            new.ClearField(name)
        else:
            setattr(new, name, value)

    return put


def _fill(found: Match, read: Read | None) -> _Put:
    field, name = found.new[-1], found.new[-1].name
    if read is None:
        return _fill_plain(field, single=not found.old[-1].is_repeated)
    if is_map(field):
        return lambda value, target: _read_map(value, getattr(target, name), read)
    if field.is_repeated:
        several = found.old[-1].is_repeated
        return lambda value, target: _read_list(value if several else [value], getattr(target, name), read)

    def fill(value: bytes, target: Any) -> None:
        inner = getattr(target, name)
        inner.SetInParent()
        read(value, inner)

    return fill


def _fill_plain(field: FieldDescriptor, *, single: bool) -> _Put:
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
