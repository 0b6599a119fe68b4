"""Values of an enum that have other numbers in the next version."""

from collections.abc import Callable, Mapping
from typing import Any

from ordertrail_server.schema.hops.plan import Match
from ordertrail_server.schema.hops.values import is_map
from ordertrail_server.schema.upcasting import CannotUpcast


def recode(found: Match) -> Callable[[Any], None]:
    """Return what makes the values of an enum, which were parsed in their place, those of the new one."""
    assert found.value.enum is not None
    field, name = found.new[0], found.new[0].name
    present, convert = field.has_presence, converter(found.value.enum, found.old[0].full_name)

    def one(new: Any) -> None:
        if (number := getattr(new, name)) or (present and new.HasField(name)):
            setattr(new, name, convert(number))

    def several(new: Any) -> None:
        numbers = getattr(new, name)
        numbers[:] = map(convert, numbers)

    def by_key(new: Any) -> None:
        numbers = getattr(new, name)
        for key in list(numbers):
            numbers[key] = convert(numbers[key])

    return by_key if is_map(field) else several if field.is_repeated else one


def converter(enum: Mapping[int, int], field: str) -> Callable[[int], int]:
    """Return what gives a value of a field its new number. It raises CannotUpcast for what was no value."""

    def convert(number: int) -> int:
        if number not in enum:
            raise CannotUpcast(f"{field} holds {number}, which is no value of its enum")
        return enum[number]

    return convert
