"""Drafts of stored messages that change from version to version, and their proto text."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass
class Enumeration:
    """An enum: the numbers of its values."""

    name: str
    values: dict[str, int]

    @property
    def text(self) -> str:
        """The enum as proto text."""
        return f"enum {self.name} {{ {' '.join(f'{name} = {number};' for name, number in self.values.items())} }}"


@dataclass
class Field:
    """A field. A `settled` field cannot change again in this version."""

    name: str
    number: int
    kind: "Kind"
    label: str = "optional"
    oneof: str = ""
    rules: list[str] = field(default_factory=list)
    settled: bool = False

    @property
    def inner_message(self) -> "Message | None":
        """The message type of the field, if it has one."""
        return self.kind if isinstance(self.kind, Message) else None

    @property
    def text(self) -> str:
        """The field as proto text."""
        kind = self.kind if isinstance(self.kind, str) else self.kind.name
        label = f"map<string, {kind}>" if self.label == "map" else f"{'' if self.oneof else self.label} {kind}"
        rules = f" [(field) = {{ {' '.join(self.rules)} }}]" if self.rules else ""
        return f"{label} {self.name} = {self.number}{rules};"


@dataclass
class Message:
    """A message in one place of the event. A `settled` message cannot change again in this version."""

    name: str
    fields: list[Field]
    rules: list[str] = field(default_factory=list)
    settled: bool = False
    before: str = ""
    """Its name in the version before."""
    numbers_before: set[int] = field(default_factory=set)
    numbers_ever: set[int] = field(default_factory=set)

    def next_version(self) -> None:
        """Forget the rules by which this version was read."""
        self.before, self.numbers_before = self.name, {inner.number for inner in self.fields}
        self.numbers_ever |= self.numbers_before
        self.rules, self.settled = [], False
        for inner in self.fields:
            inner.rules, inner.settled = [], False

    def walk(self) -> "Iterator[Message]":
        """Yield this message and those in it."""
        yield self
        for inner in self.fields:
            if inner.inner_message is not None:
                yield from inner.inner_message.walk()

    @property
    def text(self) -> str:
        """The message as proto text."""
        oneofs = {
            inner.oneof: [member.text for member in self.fields if member.oneof == inner.oneof] for inner in self.fields
        }
        grouped = [f"oneof {name} {{ {' '.join(texts)} }}" for name, texts in oneofs.items() if name]
        return f"message {self.name} {{ {' '.join([*self.rules, *oneofs.get('', []), *grouped])} }}"


Kind: TypeAlias = str | Enumeration | Message


def texts(event: Message) -> str:
    """Return the event and its nested messages as proto text."""
    messages = list(event.walk())
    enums = [inner.kind for message in messages for inner in message.fields if isinstance(inner.kind, Enumeration)]
    return "\n".join([*(enum.text for enum in enums), *(message.text for message in messages)])
