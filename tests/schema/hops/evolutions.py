"""Random legal evolutions of an event: each version makes a few changes and declares them by options."""

import copy
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from tests.schema.hops.drafts import Enumeration, Field, Kind, Message, texts

SCALARS = (
    *("int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64"),
    *("float", "double", "bool", "string", "bytes"),
)
WIDER = {
    "int32": ("int64", "sint64", "sfixed64", "sint32", "double"),
    "sint32": ("int32", "int64", "sfixed64", "double"),
    "sfixed32": ("int32", "sint64", "sfixed64"),
    "uint32": ("uint64", "fixed32", "int64", "sint64", "double"),
    "fixed32": ("uint32", "fixed64", "int64", "double"),
    "float": ("double",),
    "int64": ("sint64", "sfixed64"),
    "uint64": ("fixed64",),
}
LITERALS = {"int32": "-5", "double": "0.5", "string": "made up", "bool": "true", "fixed64": "7"}


class Chain(NamedTuple):
    """The texts of a tree, and the dropped fields: "v1.Placed.f1" is dropped in version 2."""

    texts: dict[str, str]
    dropped: set[str]


def evolution(seed: int, versions: int, *, keeps_public: bool) -> Chain:
    """Return a chain. The public event is like the first version with `keeps_public`, else like the last one."""
    return _Evolution(Random(seed), keeps_public).run(versions)


class _Evolution:
    def __init__(self, chance: Random, keeps_public: bool) -> None:
        self._chance = chance
        self._keeps_public = keeps_public
        self._count = 0
        self._version = 1
        self._dropped: set[str] = set()
        self._event = self._message("Placed", depth=0)
        self._changes: list[Callable[[Message], None]] = [self._rename, self._renumber, self._nest, self._unnest]
        self._changes += [self._rename_value, self._rename_message]
        if not keeps_public:
            self._changes += [self._widen, self._to_list, self._drop, self._add, self._merge_values, self._loosen]

    def run(self, versions: int) -> Chain:
        """Evolve from version 1 to the last one."""
        first, texts_by_package = copy.deepcopy(self._event), {"v1": texts(self._event)}
        for self._version in range(2, versions + 1):
            for message in list(self._event.walk()):
                message.next_version()
            self._event.rules = [f'option (message).from = "v{self._version - 1}.Placed";']
            for _ in range(self._chance.randint(2, 10)):
                self._change()
            if self._version == versions and not self._keeps_public:
                self._mirror()
            texts_by_package[f"v{self._version}"] = texts(self._event)
        texts_by_package["public"] = self._public(first if self._keeps_public else self._event)
        return Chain(texts_by_package, self._dropped)

    def _change(self) -> None:
        messages = [message for message in self._event.walk() if not message.settled]
        self._chance.choice(self._changes)(self._chance.choice(messages))

    def _mirror(self) -> None:
        """Make each field correspond to the public field of its own name."""
        for message in self._event.walk():
            for inner in message.fields:
                inner.rules.append(f'public: "{inner.name}"')

    def _public(self, event: Message) -> str:
        event = copy.deepcopy(event)
        for message in event.walk():
            numbers = [inner.number for inner in message.fields]
            if self._chance.random() < 0.5:
                self._chance.shuffle(numbers)
            message.rules = []
            for inner, number in zip(message.fields, numbers, strict=True):
                inner.rules, inner.number = [], number
        return texts(event)

    # What there is at first.

    def _fresh(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _message(self, name: str, depth: int) -> Message:
        fields = [
            Field(
                self._fresh("f"), number, self._kind(depth), self._chance.choice(["optional"] * 3 + ["repeated", "map"])
            )
            for number in range(1, self._chance.randint(3, 6) + 4 // (depth + 1))
        ]
        if self._chance.random() < 0.4:
            oneof = self._fresh("oneof")
            fields += [Field(self._fresh("f"), number, self._kind(depth), oneof=oneof) for number in (20, 21)]
        return Message(name, fields)

    def _kind(self, depth: int) -> Kind:
        choice = self._chance.random()
        if choice < 0.2:
            return Enumeration(self._fresh("Enum"), {self._fresh("VALUE_"): number for number in range(4)})
        if choice < 0.45 and depth < 2:
            return self._message(self._fresh("Message"), depth + 1)
        return self._chance.choice(SCALARS)

    # The changes, each of which may find nothing to change.

    def _pick(self, message: Message, is_candidate: Callable[[Field], bool]) -> list[Field]:
        """Return a random field of a message that can have the change, or None."""
        candidates = [inner for inner in message.fields if not inner.settled and is_candidate(inner)]
        return [self._chance.choice(candidates)] if candidates else []

    def _number(self, message: Message) -> int:
        """Return a number that the previous version does not use; an earlier version may have dropped it."""
        numbers_now = {inner.number for inner in message.fields}
        past = sorted(message.numbers_ever - message.numbers_before - numbers_now)
        if past and self._chance.random() < 0.5:
            return self._chance.choice(past)
        return max(message.numbers_ever | numbers_now) + self._chance.randint(1, 3)

    def _rename(self, message: Message) -> None:
        for inner in self._pick(message, lambda field: not _says(field, "from")):
            inner.rules.append(f'from: "{inner.name}"')
            inner.name = self._fresh("f")

    def _rename_message(self, message: Message) -> None:
        if message.before and message is not self._event and not message.rules:
            message.rules.append(f'option (message).from = "v{self._version - 1}.{message.before}";')
            message.name = self._fresh("Message")

    def _renumber(self, message: Message) -> None:
        for inner in self._pick(message, lambda _: True):
            inner.number = self._number(message)

    def _widen(self, message: Message) -> None:
        for inner in self._pick(message, lambda field: isinstance(field.kind, str) and field.kind in WIDER):
            inner.kind = self._chance.choice(WIDER[str(inner.kind)])

    def _to_list(self, message: Message) -> None:
        for inner in self._pick(message, lambda field: field.label == "optional" and not field.oneof):
            inner.label = "repeated"

    def _drop(self, message: Message) -> None:
        for inner in self._pick(message, lambda field: not field.rules and not field.oneof):
            message.fields.remove(inner)
            message.rules.append(f'option (message).dropped = "{inner.name}";')
            self._dropped.add(f"v{self._version - 1}.{message.before}.{inner.name}")

    def _add(self, message: Message) -> None:
        kind = self._chance.choice([*LITERALS])
        rule = self._chance.choice(["absent: true", f'literal: "{LITERALS[kind]}"'])
        message.fields.append(Field(self._fresh("f"), self._number(message), kind, rules=[rule], settled=True))

    def _nest(self, message: Message) -> None:
        movable_fields = [
            field for field in message.fields if not field.settled and not field.rules and not field.oneof
        ]
        moved_fields = self._chance.sample(movable_fields, min(len(movable_fields), self._chance.randint(1, 3)))
        if moved_fields:
            holder = Field(self._fresh("f"), self._number(message), "", rules=['from: "."'], settled=True)
            message.fields = [*(field for field in message.fields if field not in moved_fields), holder]
            for number, field in enumerate(moved_fields, 1):
                field.number, field.settled = number, True
            holder.kind = Message(self._fresh("Message"), moved_fields, settled=True)

    def _unnest(self, message: Message) -> None:
        for holder in self._pick(
            message, lambda field: field.label == "optional" and not field.rules and not field.oneof
        ):
            inner_message = holder.inner_message
            if inner_message is None or not _is_plain(inner_message):
                continue
            for field in inner_message.fields[: self._chance.randint(1, len(inner_message.fields))]:
                inner_message.fields.remove(field)
                field.rules, field.settled = [f'from: "{holder.name}.{field.name}"'], True
                field.name, field.number = self._fresh("f"), self._number(message)
                message.fields.append(field)
            holder.settled = inner_message.settled = True
            if not inner_message.fields:
                message.fields.remove(holder)

    def _rename_value(self, message: Message) -> None:
        for inner in self._pick(message, lambda field: not _says(field, "enum_map")):
            if isinstance(inner.kind, Enumeration):
                zero, *names = inner.kind.values
                old, new = self._chance.choice(names), self._fresh("VALUE_")
                numbers_now = [new if name == old else name for name in names]
                self._chance.shuffle(numbers_now)
                inner.kind.values = {zero: 0, **{name: number for number, name in enumerate(numbers_now, 1)}}
                inner.rules.append(f'enum_map: {{from: "{old}" to: "{new}"}}')

    def _merge_values(self, message: Message) -> None:
        for inner in self._pick(message, lambda field: not _says(field, "enum_map")):
            if isinstance(inner.kind, Enumeration) and len(inner.kind.values) > 2:
                *_, target_name, merged_name = inner.kind.values
                del inner.kind.values[merged_name]
                inner.rules.append(f'enum_map: {{from: "{merged_name}" to: "{target_name}"}}')

    def _loosen(self, message: Message) -> None:
        """Make the members of a oneof plain fields."""
        for inner in self._pick(message, lambda field: bool(field.oneof)):
            for field in [field for field in message.fields if field.oneof == inner.oneof]:
                field.oneof, field.settled = "", True


def _says(field: Field, rule: str) -> bool:
    return any(text.startswith(rule) for text in field.rules)


def _is_plain(message: Message) -> bool:
    """Return whether the message is unchanged in this version and its fields can be moved out one by one."""
    is_changed = message.settled or message.rules or any(field.rules or field.settled for field in message.fields)
    return not is_changed and bool(message.fields) and not any(field.oneof for field in message.fields)
