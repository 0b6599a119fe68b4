"""A hop as data: which field of the new message gets which value of the old one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor

Path: TypeAlias = tuple[FieldDescriptor, ...]
"""A field, or one inside of singular messages: outermost first."""

Names: TypeAlias = tuple[str, ...]


class Rule(Enum):
    """The rule by which a field gets its value. The texts are shown to users."""

    SAME = "same name"
    FROM = "from"
    LITERAL = "literal"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Value:
    """How a hop changes a value. By default it does not."""

    same_bytes: bool = True
    """The value has the same bytes in both messages (messages are compared by `message`)."""

    enum: Mapping[int, int] | None = None
    """The number of each value of the old enum in the new one, where they differ."""

    message: "Plan | None" = None
    """The plan to read the message in the field, or each of several, as the new one, if their types differ."""

    to_list: bool = False
    """A single value becomes a list with that value."""

    widened: bool = False
    """A number is converted to a wider type without loss."""


@dataclass(frozen=True)
class Match:
    """One field of the new message, and where its value comes from: `old` is empty for a literal and for absence."""

    rule: Rule
    old: Path
    new: Path
    value: Value = Value()
    literal: Any = None
    """The value of a literal. After hops are fused, it may be a list with that value."""

    @property
    def in_place(self) -> bool:
        """Whether the value keeps its field number, so parsing alone may read it."""
        return len(self.old) == len(self.new) == 1 and self.old[0].number == self.new[0].number


@dataclass(frozen=True)
class Plan:
    """A plan to read one message as another: a match for each field of the new message."""

    old: Descriptor
    new: Descriptor
    matches: tuple[Match, ...]
    dropped: tuple[Path, ...] = ()

    @cached_property
    def by_place(self) -> Mapping[Names, Match]:
        """The matches by the paths in the new message that they fill."""
        return {names(match.new): match for match in self.matches}

    def find_filling(self, path: Names) -> tuple[Match, Names] | None:
        """Return the match that fills the field at a path or a message around it, and the path within, or None."""
        for end in range(len(path), 0, -1):
            if match := self.by_place.get(path[:end]):
                return match, path[end:]
        return None


def names(path: Path) -> Names:
    """Return the names along a path."""
    return tuple([field.name for field in path])


def find_field(message: Descriptor, path: Names) -> Path | None:
    """Return the field at a path through singular messages, None if there is none."""
    field = message.fields_by_name.get(path[0]) if path else None
    if field is None or len(path) == 1:
        return (field,) if field else None
    if field.message_type is None or field.is_repeated:
        return None
    inner_path = find_field(field.message_type, path[1:])
    return (field, *inner_path) if inner_path else None


def oneof_of(field: FieldDescriptor) -> str:
    """Return the full name of the oneof that a field is a member of; empty if it is in none."""
    oneof = field.containing_oneof
    # An optional field is, in a descriptor, the only member of a oneof of its own.
    is_presence = oneof is not None and len(oneof.fields) == 1 and oneof.name == f"_{field.name}"
    return "" if oneof is None or is_presence else oneof.full_name
