"""Drafts of stored messages, open to change from version to version, and their text as a proto."""

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
        """The enum as a proto has it."""
        return f"enum {self.name} {{ {' '.join(f'{name} = {number};' for name, number in self.values.items())} }}"


@dataclass
class Field:
    """A field; one that is `settled` bears no other change in this version."""

    name: str
    number: int
    kind: "Kind"
    label: str = "optional"
    oneof: str = ""
    rules: list[str] = field(default_factory=list)
    settled: bool = False

    @property
    def held(self) -> "Message | None":
        """The message in it, if it holds one or several."""
        return self.kind if isinstance(self.kind, Message) else None

    @property
    def text(self) -> str:
        """The field as a proto has it."""
        kind = self.kind if isinstance(self.kind, str) else self.kind.name
        label = f"map<string, {kind}>" if self.label == "map" else f"{'' if self.oneof else self.label} {kind}"
        rules = f" [(field) = {{ {' '.join(self.rules)} }}]" if self.rules else ""
        return f"{label} {self.name} = {self.number}{rules};"


@dataclass
class Message:
    """A message that stands in one place of the event; one that is `settled` bears no other change in this version."""

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
            if inner.held is not None:
                yield from inner.held.walk()

    @property
    def text(self) -> str:
        """The message as a proto has it."""
        oneofs = {inner.oneof: [one.text for one in self.fields if one.oneof == inner.oneof] for inner in self.fields}
        grouped = [f"oneof {name} {{ {' '.join(texts)} }}" for name, texts in oneofs.items() if name]
        return f"message {self.name} {{ {' '.join([*self.rules, *oneofs.get('', []), *grouped])} }}"


Kind: TypeAlias = str | Enumeration | Message


def texts(event: Message) -> str:
    """Return the event with all that is nested in it, as a proto has it."""
    messages = list(event.walk())
    enums = [inner.kind for message in messages for inner in message.fields if isinstance(inner.kind, Enumeration)]
    return "\n".join([*(enum.text for enum in enums), *(message.text for message in messages)])
