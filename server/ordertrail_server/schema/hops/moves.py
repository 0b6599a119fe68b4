"""Values that change their place or their bytes, one function for each."""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, TypeAlias

from google.protobuf.descriptor import FieldDescriptor

from ordertrail_server.schema.hops.plan import Match, Path
from ordertrail_server.schema.hops.values import is_map
from ordertrail_server.schema.upcasting import CannotUpcast

Into: TypeAlias = Callable[[Any, Any], None]
"""Reads the message given first into the one given second."""

_Convert: TypeAlias = Callable[[Any], Any]


def move(found: Match, read: Into | None) -> Into:
    """Return what moves a value; `read` reads each message of it, and is None where it holds none."""
    if read is None and len(found.old) == len(found.new) == 1 and _is_single(found):
        return _set(found)
    holder_of, target_of = _reach(found.old[:-1]), walk(found.new[:-1])
    name, present, put = found.new[-1].name, _present(found.old[-1]), _put(found, read)
    was, outermost = found.old[-1].name, len(found.new) == 1

    def fix(old: Any, new: Any) -> None:
        holder = holder_of(old)
        # Only what was parsed is cleared: to clear a field of a nested message would make that message present.
        if outermost:
            new.ClearField(name)
        if holder is not None and present(holder):
            put(getattr(holder, was), target_of(new))

    return fix


def walk(path: Path) -> Callable[[Any], Any]:
    """Return what leads from a message to the one at a path in it, whether that is set or not."""
    return attrgetter(".".join(field.name for field in path)) if path else _itself


def _is_single(found: Match) -> bool:
    return found.old[0].has_presence and not found.new[0].is_repeated


def _set(found: Match) -> Into:
    """Return what moves one value from field to field: by far the most common move, with nothing on its way."""
    was, name, convert = found.old[0].name, found.new[0].name, _converter(found)

    def fix(old: Any, new: Any) -> None:
        if old.HasField(was):
            setattr(new, name, convert(getattr(old, was)))
        else:
            new.ClearField(name)

    return fix


def _itself(value: Any) -> Any:
    return value


def _reach(path: Path) -> Callable[[Any], Any]:
    """Return what leads to the message at a path, or to None where it is not set."""
    if not path:
        return _itself
    steps = [field.name for field in path]

    def at(message: Any) -> Any:
        for step in steps:
            if not message.HasField(step):
                return None
            message = getattr(message, step)
        return message

    return at


def _present(field: FieldDescriptor) -> Callable[[Any], bool]:
    name = field.name
    if field.has_presence:
        return lambda holder: bool(holder.HasField(name))
    return lambda holder: bool(getattr(holder, name))


def _put(found: Match, read: Into | None) -> Callable[[Any, Any], None]:
    name, convert, several = found.new[-1].name, _converter(found), found.old[-1].is_repeated
    if is_map(found.old[-1]):
        return _put_map(name, read, convert)
    if found.new[-1].is_repeated:
        return _put_list(name, read, convert, several)
    if read is None:
        return lambda value, target: setattr(target, name, convert(value))

    def put(value: Any, target: Any) -> None:
        inner = getattr(target, name)
        inner.SetInParent()
        read(value, inner)

    return put


def _put_list(name: str, read: Into | None, convert: _Convert, several: bool) -> Callable[[Any, Any], None]:
    def put(value: Any, target: Any) -> None:
        values: Iterable[Any] = value if several else (value,)
        if read is None:
            getattr(target, name).extend(map(convert, values))
        else:
            for one in values:
                read(one, getattr(target, name).add())

    return put


def _put_map(name: str, read: Into | None, convert: _Convert) -> Callable[[Any, Any], None]:
    def put(value: Any, target: Any) -> None:
        entries = getattr(target, name)
        for key in value:
            if read is None:
                entries[key] = convert(value[key])
            else:
                read(value[key], entries[key])

    return put


def _converter(found: Match) -> _Convert:
    enum, field = found.value.enum, found.old[-1].full_name
    if enum is None:
        return _itself

    def convert(number: int) -> int:
        if number not in enum:
            raise CannotUpcast(f"{field} holds {number}, which is no value of its enum")
        return enum[number]

    return convert
