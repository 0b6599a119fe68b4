"""Mistakes in a new version: a changed type that would lose values."""

from typing import Final

from tests.evolving.mistakes.edit import Edit, combine_edits, cut_text, replace_text
from tests.evolving.mistakes.guard import Guard
from tests.evolving.mistakes.mistake import Mistake
from tests.evolving.mistakes.trees import FIELD, V3, V4, State, next_version

_PYTHON: Final = "name a Python function with the option `python`"
_STATUS: Final = "v2.OrderSource.status is read as v3.OrderSource.status, "
_NOTE: Final = f"string note = 7 [{FIELD}.not_public = true];"
_BEFORE: Final = f"optional OrderSource before = 7 [{FIELD} = {{absent: true not_public: true}}];"


def _enum(title: str, says: str, was: str, now: str) -> Mistake:
    return Mistake(title, Guard.CHECK, says, replace_text(V3, was, now), State.V3)


def _v3(title: str, says: str, edit: Edit) -> Mistake:
    return Mistake(title, Guard.CHECK, says, edit, State.V3)


def _v4(title: str, says: str, was: str, now: str) -> Mistake:
    return Mistake(title, Guard.CHECK, says, replace_text(V4, was, now), State.V4)


def _type(was: str, now: str, field: str) -> Mistake:
    both = f"v3.OrderPlaced.{field} is read as v4.OrderPlaced.{field}"
    says = f"{both}, but its type cannot represent every value: {_PYTHON}"
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
        "an enum field becomes a field of another enum",
        "but v4.OrderStatus has no value PRIORITY_HIGH: add it, or map it with `enum_map`",
        "optional Priority priority",
        "optional OrderStatus priority",
    ),
    _v4(
        "a repeated field becomes singular",
        f"but may hold several values: keep it repeated, or {_PYTHON}",
        "repeated string remarks",
        "optional string remarks",
    ),
    _v4(
        "the key type of a map is changed",
        f"but their keys have different types: {_PYTHON}",
        "map<string, string>",
        "map<int32, string>",
    ),
    _v4(
        "the value type of a map is changed",
        f"but its type cannot represent every value: {_PYTHON}",
        "map<string, string>",
        "map<string, int64>",
    ),
    _v4(
        "a map becomes a singular field",
        f"but only one of them is a map: {_PYTHON}",
        "map<string, string> titles",
        "optional string titles",
    ),
    Mistake(
        "a field joins a oneof",
        Guard.CHECK,
        "the members note, paying_shop, paying_person of v4.OrderPlaced.payer are read from fields that",
        combine_edits(
            cut_text(V4, "  // What the packers should know.\n", ";\n"),
            replace_text(V4, "oneof payer {", f"oneof payer {{ {_NOTE}"),
        ),
        State.V4,
    ),
    _v3(
        "a scalar is not optional",
        "v3.OrderPlaced.note must be optional, so that a fact distinguishes absent from zero",
        replace_text(V3, "optional string note", "string note"),
    ),
    _v3(
        "a scalar of a nested message is not optional",
        "v3.Money.units must be optional, so that a fact distinguishes absent from zero",
        replace_text(V3, "optional int64 units", "int64 units"),
    ),
    _v3(
        "a nested message is recursive",
        "v4.OrderSource.before leads back to v4.OrderSource, which is recursive, and rules cannot follow that",
        combine_edits(
            replace_text(V3, "optional string status_text = 6;", f"optional string status_text = 6; {_BEFORE}"),
            next_version,
        ),
    ),
    _v3(
        "a nested message is renamed",
        "v3.OrderedLine.unit_price holds v3.Amount, which has no rule to be read from v2.Money: "
        'set from: "v2.Money" on it',
        combine_edits(
            replace_text(V3, "message Money {", "message Amount {"),
            replace_text(V3, "optional Money", "optional Amount"),
        ),
    ),
    _v3(
        "an event has a field of a public message type",
        "v3.OrderedLine.unit_price holds ordertrail.v1.Money, which may change: copy it into the package of the event",
        combine_edits(
            replace_text(V3, "optional Money unit_price", "optional ordertrail.v1.Money unit_price"),
            replace_text(
                V3, 'import "ordertrail/evolve', 'import "ordertrail/v1/money.proto";\nimport "ordertrail/evolve'
            ),
        ),
    ),
    _enum(
        "an enum value is removed in the new version",
        f"{_STATUS}but v3.OrderStatus has no value ORDER_STATUS_RETURNED: add it, or map it with `enum_map`",
        "  ORDER_STATUS_RETURNED = 7;\n",
        "",
    ),
    _enum(
        "an enum value is renamed without `enum_map`",
        f"{_STATUS}but v3.OrderStatus has no value ORDER_STATUS_SHIPPED: add it, or map it with `enum_map`",
        "ORDER_STATUS_SHIPPED = 4;",
        "ORDER_STATUS_SENT = 4;",
    ),
    _enum(
        "the old value in `enum_map` is misspelt",
        f"{_STATUS}but its enum_map names ORDER_STATUS_CANCELED, which is not a value of the enum: correct it",
        'from: "ORDER_STATUS_CANCELLED"',
        'from: "ORDER_STATUS_CANCELED"',
    ),
    _enum(
        "the new value in `enum_map` is misspelt",
        f"{_STATUS}but its enum_map names ORDER_STATUS_CALLED, which is not a value of the enum: correct it",
        'to: "ORDER_STATUS_CALLED_OFF"',
        'to: "ORDER_STATUS_CALLED"',
    ),
    _enum(
        "`enum_map` maps one value twice",
        "v3.OrderSource.status maps ORDER_STATUS_CANCELLED more than once in its enum_map: keep one",
        "    enum_map: {",
        '    enum_map: {from: "ORDER_STATUS_CANCELLED" to: "ORDER_STATUS_RETURNED"}\n    enum_map: {',
    ),
    _enum(
        "a string field has `enum_map`",
        "v3.OrderPlaced.shop_id has `enum_map`, but is not an enum: remove it",
        '.from = "customer_id"]',
        ' = {from: "customer_id" enum_map: {from: "A" to: "B"}}]',
    ),
]
