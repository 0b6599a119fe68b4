"""Typed access to the members of a JSON object that an older producer wrote."""

from decimal import Decimal, InvalidOperation
from typing import Final

from ordertrail_server.schema.strict_json import Number, Value, to_compact_json

_INT64: Final = (-(2**63), 2**63 - 1)


class InvalidMember(ValueError):
    """A member does not have the required type. The text names the member."""


class JsonMembers:
    """Reads members of a JSON object by name; `unread` returns those that were not read.

    An absent member is returned as None, and so is null. A member that is null also stays unread, so that it is kept.
    """

    def __init__(self, members: dict[str, Value], path: str = "") -> None:
        self._members, self._path, self._read = members, path, set[str]()

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def text(self, name: str) -> str | None:
        """Read a string. Raises InvalidMember."""
        value = self._take(name)
        if value is not None and (not isinstance(value, str) or isinstance(value, Number)):
            raise self.invalid(name, "must be text")
        return value

    def number(self, name: str) -> float | None:
        """Read a number as the nearest double. Raises InvalidMember."""
        value = self._number(name, "must be a number")
        return None if value is None else float(value)

    def whole(self, name: str) -> int | None:
        """Read an integer of 64 bits in any notation: 10.0 and 1e1 are 10. Raises InvalidMember."""
        text = self._number(name, "must be a whole number")
        if text is None:
            return None
        try:
            value = Decimal(text)
        except InvalidOperation:  # an exponent beyond all bounds
            raise self.invalid(name, "is out of range") from None
        if not _INT64[0] <= value <= _INT64[1]:
            raise self.invalid(name, "is out of range")
        if value != value.to_integral_value():
            raise self.invalid(name, "must be a whole number")
        return int(value)

    def object(self, name: str) -> "JsonMembers":
        """Read a required object. Raises InvalidMember."""
        return self._object(name, self._take(name))

    def objects(self, name: str) -> "list[JsonMembers]":
        """Read a required array of objects. Raises InvalidMember."""
        value = self._take(name)
        if not isinstance(value, list):
            raise self.invalid(name, "must be an array")
        return [self._object(f"{name}[{place}]", inner) for place, inner in enumerate(value)]

    def unread(self) -> dict[str, Value]:
        """Return the members that were not read."""
        return {name: value for name, value in self._members.items() if name not in self._read}

    def unread_json(self) -> str | None:
        """Return the members that were not read as compact JSON, or None if there are none."""
        unread = self.unread()
        return to_compact_json(unread) if unread else None

    def invalid(self, name: str, problem: str) -> InvalidMember:
        """Return the error for a member with this problem."""
        return InvalidMember(f"{self._path}{name} {problem}")

    def _take(self, name: str) -> Value:
        value = self._members.get(name)
        if value is not None:
            self._read.add(name)
        return value

    def _number(self, name: str, otherwise: str) -> Number | None:
        value = self._take(name)
        if value is not None and not isinstance(value, Number):
            raise self.invalid(name, otherwise)
        return value

    def _object(self, name: str, value: Value) -> "JsonMembers":
        if not isinstance(value, dict):
            raise self.invalid(name, "must be an object")
        return JsonMembers(value, f"{self._path}{name}.")
