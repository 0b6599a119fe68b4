"""The fields of a new version are of other types than they were, in a way that would lose something."""

from typing import Final

from tests.evolving.mistakes.edit import Edit, all_of, cut, replaced
from tests.evolving.mistakes.guard import Guard
from tests.evolving.mistakes.mistake import Mistake
from tests.evolving.mistakes.trees import FIELD, V3, V4, State, next_version

_PYTHON: Final = "name a Python function with the option `python`"
_STATUS: Final = "v2.OrderSource.status reads as v3.OrderSource.status, "
_NOTE: Final = f"string note = 7 [{FIELD}.not_public = true];"
_BEFORE: Final = f"optional OrderSource before = 7 [{FIELD} = {{absent: true not_public: true}}];"


def _enum(title: str, says: str, was: str, now: str) -> Mistake:
    return Mistake(title, Guard.CHECK, says, replaced(V3, was, now), State.V3)


def _v3(title: str, says: str, edit: Edit) -> Mistake:
    return Mistake(title, Guard.CHECK, says, edit, State.V3)


def _v4(title: str, says: str, was: str, now: str) -> Mistake:
    return Mistake(title, Guard.CHECK, says, replaced(V4, was, now), State.V4)


def _type(was: str, now: str, field: str) -> Mistake:
    both = f"v3.OrderPlaced.{field} reads as v4.OrderPlaced.{field}"
    says = f"{both}, but is of another type, which may not hold every value: {_PYTHON}"
    return _v4(f"{was} becomes {now}", says, f"optional {was} {field}", f"optional {now} {field}")


MISTAKES: Final = [
    _type("int64", "int32", "parcels"),
    _type("int64", "uint64", "parcels"),
    _type("int64", "double", "parcels"),
    _type("double", "float", "weight"),
    _type("string", "int64", "note"),
    _type("string", "bytes", "note"),
    _type("string", "Money", "note"),
    _type("Priority", "int32", "priority"),
    _v4(
        "an enum becomes another one",
        "but v4.OrderStatus has no value PRIORITY_HIGH: add it, or map it with `enum_map`",
        "optional Priority priority",
        "optional OrderStatus priority",
    ),
    _v4(
        "a list becomes one value",
        f"but may hold several values: keep it repeated, or {_PYTHON}",
        "repeated string remarks",
        "optional string remarks",
    ),
    _v4(
        "the keys of a map are of another type",
        f"but their keys are of two types: {_PYTHON}",
        "map<string, string>",
        "map<int32, string>",
    ),
    _v4(
        "the values of a map are of another type",
        f"but is of another type, which may not hold every value: {_PYTHON}",
        "map<string, string>",
        "map<string, int64>",
    ),
    _v4(
        "a map becomes one value",
        f"but only one of them is a map: {_PYTHON}",
        "map<string, string> titles",
        "optional string titles",
    ),
    Mistake(
        "a field joins a oneof",
        Guard.CHECK,
        "v4.OrderPlaced.payer gets its members (note, paying_shop, paying_person) from several fields, of which two",
        all_of(
            cut(V4, "  // What the packers should know.\n", ";\n"),
            replaced(V4, "oneof payer {", f"oneof payer {{ {_NOTE}"),
        ),
        State.V4,
    ),
    _v3(
        "a scalar is not optional",
        "v3.OrderPlaced.note must be optional, so that a fact distinguishes absent from zero",
        replaced(V3, "optional string note", "string note"),
    ),
    _v3(
        "a scalar of a nested message is not optional",
        "v3.Money.units must be optional, so that a fact distinguishes absent from zero",
        replaced(V3, "optional int64 units", "int64 units"),
    ),
    _v3(
        "a nested message holds itself",
        "v4.OrderSource.before leads back to v4.OrderSource, which is recursive, and rules cannot follow that",
        all_of(
            replaced(V3, "optional string status_text = 6;", f"optional string status_text = 6; {_BEFORE}"),
            next_version,
        ),
    ),
    _v3(
        "a nested message gets another name",
        'v3.OrderedLine.unit_price holds v3.Amount, which does not read from v2.Money: set from: "v2.Money" on it',
        all_of(replaced(V3, "message Money {", "message Amount {"), replaced(V3, "optional Money", "optional Amount")),
    ),
    _v3(
        "an event holds a public message",
        "v3.OrderedLine.unit_price holds ordertrail.v1.Money, which may change: copy it into the package of the event",
        all_of(
            replaced(V3, "optional Money unit_price", "optional ordertrail.v1.Money unit_price"),
            replaced(V3, 'import "ordertrail/evolve', 'import "ordertrail/v1/money.proto";\nimport "ordertrail/evolve'),
        ),
    ),
    _enum(
        "a value of an enum has no counterpart",
        f"{_STATUS}but v3.OrderStatus has no value ORDER_STATUS_RETURNED: add it, or map it with `enum_map`",
        "  ORDER_STATUS_RETURNED = 7;\n",
        "",
    ),
    _enum(
        "a value of an enum is renamed without a word",
        f"{_STATUS}but v3.OrderStatus has no value ORDER_STATUS_SHIPPED: add it, or map it with `enum_map`",
        "ORDER_STATUS_SHIPPED = 4;",
        "ORDER_STATUS_SENT = 4;",
    ),
    _enum(
        "enum_map misspells what was",
        f"{_STATUS}and its enum_map names ORDER_STATUS_CANCELED, no value of that enum: correct it",
        'from: "ORDER_STATUS_CANCELLED"',
        'from: "ORDER_STATUS_CANCELED"',
    ),
    _enum(
        "enum_map misspells what is",
        f"{_STATUS}and its enum_map names ORDER_STATUS_CALLED, no value of that enum: correct it",
        'to: "ORDER_STATUS_CALLED_OFF"',
        'to: "ORDER_STATUS_CALLED"',
    ),
    _enum(
        "enum_map names a value twice",
        "v3.OrderSource.status maps ORDER_STATUS_CANCELLED more than once in its enum_map: keep one",
        "    enum_map: {",
        '    enum_map: {from: "ORDER_STATUS_CANCELLED" to: "ORDER_STATUS_RETURNED"}\n    enum_map: {',
    ),
    _enum(
        "a text has an enum_map",
        "v3.OrderPlaced.shop_id has `enum_map`, but is no enum: remove it",
        '.from = "customer_id"]',
        ' = {from: "customer_id" enum_map: {from: "A" to: "B"}}]',
    ),
]
