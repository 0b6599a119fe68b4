"""Values for the fields of random messages: limits, odd texts, and what earlier answers contained."""

from collections import defaultdict, deque
from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

INTEGERS = (0, 1, -1, 2, 3, 7, 100, 1_000, 1_001, 10_000, 999_999_999, 1 << 31, (1 << 31) - 1, -(1 << 31))
LONG_INTEGERS = (*INTEGERS, (1 << 48) - 1, 1 << 48, (1 << 53) + 1, (1 << 63) - 1, -(1 << 63))
TEXTS = (
    "",
    "a",
    "0",
    "%",
    "'",
    '"; --',
    "a\0b",
    "\n",
    "\x7f",
    "é",
    "日本",
    "\U0001f600",
    "‮",
    "None",
    "/",
    "../..",
    "*",
    "x" * 128,
)
LONG_TEXTS = ("x" * 129, "é" * 2_048, "x" * 8_193)
# The only URLs, because a webhook connects to what its URL names: nothing but this machine.
URLS = (
    "",
    "no url",
    "http://127.0.0.1:9/hook",
    "http://localhost:9/",
    "https://[::1]:9/",
    "ftp://localhost/",
    "http://a@localhost:9/",
)
REMEMBERED_VALUES = 40


class ValuePool:
    """Values by the name of their field. It starts with a few, and remembers those of answers."""

    def __init__(self) -> None:
        self._values: defaultdict[str, deque[Any]] = defaultdict(lambda: deque(maxlen=REMEMBERED_VALUES))
        self._values["product_id"] += [f"p_{number}" for number in range(1, 5)]
        self._values["name"] += ["some-subscription", "other-subscription"]

    def remember(self, message: Message) -> None:
        """Remember the texts and bytes of an answer."""
        for field, value in message.ListFields():
            values = list(value)[:3] if field.is_repeated and not _is_map(field) else [value]
            for item in values:
                if isinstance(item, Message):
                    self.remember(item)
                elif isinstance(item, str | bytes):
                    self._values[_group_of(field.name)].append(item)

    def choose(self, field: FieldDescriptor, random: Random) -> Any:
        """Return a value of the type of a field that is no message."""
        if field.enum_type is not None:
            return random.choice([*(value.number for value in field.enum_type.values), 99, -1])
        match field.cpp_type:
            case FieldDescriptor.CPPTYPE_BOOL:
                return random.random() < 0.5
            case FieldDescriptor.CPPTYPE_STRING:
                return (
                    self._choose_bytes(field, random)
                    if field.type == field.TYPE_BYTES
                    else self._choose_text(field, random)
                )
            case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
                return random.choice((0.0, -1.5, float("inf"), float("nan")))
        return _choose_integer(field, random)

    def _choose_text(self, field: FieldDescriptor, random: Random) -> str:
        if field.name == "url":
            return random.choice(URLS)
        remembered = [value for value in self._values[_group_of(field.name)] if isinstance(value, str)]
        if remembered and random.random() < 0.7:
            return random.choice(remembered)
        return random.choice(LONG_TEXTS if random.random() < 0.1 else TEXTS)

    def _choose_bytes(self, field: FieldDescriptor, random: Random) -> bytes:
        remembered = [value for value in self._values[_group_of(field.name)] if isinstance(value, bytes)]
        return (
            random.choice(remembered)
            if remembered and random.random() < 0.5
            else random.randbytes(random.randrange(40))
        )


def _choose_integer(field: FieldDescriptor, random: Random) -> int:
    is_long = field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
    is_unsigned = field.cpp_type in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)
    limit = 1 << (63 if is_long else 31)
    numbers = [number for number in (LONG_INTEGERS if is_long else INTEGERS) if number < limit]
    number = random.choice(numbers) if random.random() < 0.5 else random.randrange(30)
    return abs(number) if is_unsigned else number


def _group_of(name: str) -> str:
    """Return the name under which values of a field are remembered: one for all tokens, and one for subscriptions."""
    if name.endswith(("token", "fresh")):
        return "token"
    return "name" if name == "subscription" else name


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry
