"""Enum values whose numbers differ in the next version."""

from collections.abc import Callable, Mapping
from typing import Any

from ordertrail_server.schema.hops.plan import Match
from ordertrail_server.schema.hops.values import is_map
from ordertrail_server.schema.upcasting import CannotUpcast


def build_recoder(match: Match) -> Callable[[Any], None]:
    """Return the function that replaces the old enum numbers, parsed in place, by the new ones."""
    assert match.value.enum is not None
    field, name = match.new[0], match.new[0].name
    present, convert = field.has_presence, enum_converter(match.value.enum, match.old[0].full_name)

    def recode_single(new: Any) -> None:
        if (number := getattr(new, name)) or (present and new.HasField(name)):
            setattr(new, name, convert(number))

    def recode_list(new: Any) -> None:
        numbers = getattr(new, name)
        numbers[:] = map(convert, numbers)

    def recode_map(new: Any) -> None:
        numbers = getattr(new, name)
        for key in list(numbers):
            numbers[key] = convert(numbers[key])

    return recode_map if is_map(field) else recode_list if field.is_repeated else recode_single


def enum_converter(enum: Mapping[int, int], field: str) -> Callable[[int], int]:
    """Return the function from an old number to the new one. It raises CannotUpcast for a number without a value."""

    def convert(number: int) -> int:
        if number not in enum:
            raise CannotUpcast(f"{field} holds {number}, which is not a value of its enum")
        return enum[number]

    return convert
