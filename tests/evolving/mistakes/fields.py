"""Mistakes in a new version: wrong rules about the source of a field."""

from typing import Final

from tests.evolving.mistakes.edit import Edit, combine_edits, cut_text, replace_text
from tests.evolving.mistakes.guard import Guard
from tests.evolving.mistakes.mistake import Mistake
from tests.evolving.mistakes.trees import FIELD, V3, V4, V5, State, next_version, write_from_option

_DROPPED: Final = "option (ordertrail.evolve.v1.message).dropped"
_SAY: Final = "set `from`, `literal` or `absent` on it"
_USE: Final = "read it with `from`, or list it in `dropped`"
_NEW_NUMBER: Final = "give it a number that was never used"


def _field(title: str, says: str, edit: Edit, state: State = State.V3) -> Mistake:
    return Mistake(title, Guard.CHECK, says, edit, state)


def _v3(title: str, says: str, was: str, now: str) -> Mistake:
    return _field(title, says, replace_text(V3, was, now))


def _dropping(field: str, version: str = "v2", file: str = V3) -> Edit:
    return replace_text(file, write_from_option(version), f'{write_from_option(version)} {_DROPPED} = "{field}";')


_DROP_CHANNEL: Final = combine_edits(
    _dropping("channel", "v3", V4), cut_text(V4, "  // The way by which the order came.\n", ";\n")
)
_RANK: Final = f"optional int64 rank = 6 [{FIELD} = {{absent: true not_public: true}}];"

MISTAKES: Final = [
    _field(
        "a field is neither read nor dropped",
        f"v3.OrderPlaced.channel is lost in v4.OrderPlaced: {_USE}",
        cut_text(V4, "  // The way by which the order came.\n", ";\n"),
        State.V4,
    ),
    _field(
        "a field of a nested message is neither read nor dropped",
        f"v2.OrderSource.status_text is lost in v3.OrderSource: {_USE}",
        cut_text(V3, "  // The status that the source gave, as text", ";\n"),
    ),
    _v3(
        "a field is renamed without `from`",
        f"v2.OrderPlaced.customer_id is lost in v3.OrderPlaced: {_USE}",
        f'string shop_id = 1 [{FIELD}.from = "customer_id"]',
        "string shop_id = 1",
    ),
    _v3(
        "`from` of a field is misspelt",
        "v3.OrderPlaced.shop_id is from costumer_id, but v2.OrderPlaced has no such field: correct the path",
        '"customer_id"',
        '"costumer_id"',
    ),
    _v3(
        "`from` of a field in a nested message is misspelt",
        "v3.OrderedLine.sku is from productid, but v2.OrderedLine has no such field: correct the path",
        '"product_id"',
        '"productid"',
    ),
    _v3(
        "`from` names an unknown predecessor",
        'names the source "OrderCreated:customer_id", but no predecessor has that name: correct it',
        '"customer_id"',
        '"OrderCreated:customer_id"',
    ),
    _v3(
        "a value is read by two fields",
        "v2.OrderPlaced.customer_id is read by 2 fields of v3.OrderPlaced: keep one",
        'literal: "unknown"',
        'from: "customer_id"',
    ),
    _v3(
        "a nested message that takes fields of the event has no `from`",
        f"v3.OrderPlaced.delivery gets no value from v2.OrderPlaced: {_SAY}",
        f' [{FIELD}.from = "."]',
        "",
    ),
    _v3(
        "a repeated nested message takes fields of the event",
        'v3.OrderPlaced.delivery has from: ".", but is not a single message: name a field',
        "optional Delivery delivery",
        "repeated Delivery delivery",
    ),
    _field(
        "the name of a dropped field is misspelt",
        "v3.OrderPlaced drops custmer, but v2.OrderPlaced has no such field: correct the path",
        _dropping("custmer"),
    ),
    _field(
        "a dropped field is also read",
        "v3.OrderPlaced drops customer_id, which v3.OrderPlaced.shop_id reads: remove it from `dropped`",
        _dropping("customer_id"),
    ),
    _v3(
        "a new field has no rule",
        f"v3.OrderPlaced.channel gets no value from v2.OrderPlaced: {_SAY}",
        'literal: "unknown" ',
        "",
    ),
    _v3(
        "a new field of a nested message that takes fields of the event has no rule",
        f"v3.Delivery.carrier gets no value from v2.OrderPlaced: {_SAY}",
        "message Delivery {",
        "message Delivery { optional string carrier = 2;",
    ),
    _v3(
        "a literal has another type than its field",
        "v3.OrderPlaced.parcels has the literal one, which is not a value of its type: correct it",
        f"parcels = 12 [{FIELD} = {{absent: true",
        f'parcels = 12 [{FIELD} = {{literal: "one"',
    ),
    _v3(
        "a literal is too large",
        "has the literal 9223372036854775808, which is not a value of its type: correct it",
        f"parcels = 12 [{FIELD} = {{absent: true",
        f'parcels = 12 [{FIELD} = {{literal: "9223372036854775808"',
    ),
    _v3(
        "a literal is not a value of its enum",
        "v3.OrderPlaced.priority has the literal NORMAL, which is not a value of its type: correct it",
        '"PRIORITY_NORMAL"',
        '"NORMAL"',
    ),
    _v3(
        "a message has a literal",
        "v3.OrderPlaced.parent cannot have a literal, which is one scalar value: use `absent`",
        f"parent = 15 [{FIELD} = {{absent: true",
        f'parent = 15 [{FIELD} = {{literal: "x"',
    ),
    _v3(
        "a list has a literal",
        "v3.OrderPlaced.remarks cannot have a literal, which is one scalar value: use `absent`",
        f"remarks = 14 [{FIELD} = {{absent: true",
        f'remarks = 14 [{FIELD} = {{literal: "x"',
    ),
    _v3(
        "a member of a oneof has a literal",
        "v3.OrderPlaced.paying_shop has a literal, though v3.OrderPlaced.payer may hold another member: use `absent`",
        f"paying_shop = 9 [{FIELD} = {{absent: true",
        f'paying_shop = 9 [{FIELD} = {{literal: "x"',
    ),
    _v3(
        "a field has both `literal` and `absent`",
        "v3.OrderPlaced.channel has both `literal` and `absent`: keep one",
        'literal: "unknown"',
        'literal: "unknown" absent: true',
    ),
    _v3(
        "a field that reads a field of the same name has `absent`",
        "v3.OrderPlaced.source has the rule `absent`, but v2.OrderPlaced.source fills it: remove one of the two",
        "optional OrderSource source = 4;",
        f"optional OrderSource source = 4 [{FIELD}.absent = true];",
    ),
    _v3(
        "a field has both `from` and `literal`",
        'v3.OrderPlaced.shop_id has the rule `literal`, but from: "customer_id" fills it: remove one of the two',
        '.from = "customer_id"]',
        ' = {from: "customer_id" literal: "x"}]',
    ),
    _v3(
        "a rule is misspelt",
        "cannot resolve message field name for `ordertrail.evolve.v1.FieldRules`",
        'literal: "unknown"',
        'litteral: "unknown"',
    ),
    _v3(
        "the number of a moved field is reused",
        f"v3.OrderPlaced.channel has the number 3 of v2.OrderPlaced.expected_delivery_date: {_NEW_NUMBER}",
        "channel = 6",
        "channel = 3",
    ),
    _field(
        "the number of a dropped field is reused",
        f"v4.OrderPlaced.rank has the number 6 of v3.OrderPlaced.channel: {_NEW_NUMBER}",
        combine_edits(
            _DROP_CHANNEL,
            replace_text(V4, "  // What the packers should know.\n", f"{_RANK}\n  // What the packers should know.\n"),
        ),
        State.V4,
    ),
    _field(
        "the number of a field that an earlier version dropped is reused",
        f"v5.OrderPlaced.rank has the number 6 of v3.OrderPlaced.channel: {_NEW_NUMBER}",
        combine_edits(
            _DROP_CHANNEL,
            next_version,
            replace_text(V5, "  // What the packers should know.\n", f"{_RANK}\n  // What the packers should know.\n"),
        ),
        State.V4,
    ),
]
