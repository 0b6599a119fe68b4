"""The fields of a new version have wrong rules about where their values come from."""

from typing import Final

from tests.evolving.mistakes.edit import Edit, all_of, cut, replaced
from tests.evolving.mistakes.guard import Guard
from tests.evolving.mistakes.mistake import Mistake
from tests.evolving.mistakes.trees import FIELD, V3, V4, V5, State, next_version, placed_from

_DROPPED: Final = "option (ordertrail.evolve.v1.message).dropped"
_SAY: Final = "set `from`, `literal` or `absent` on it"
_USE: Final = "read it with `from`, or list it in `dropped`"
_NEW_NUMBER: Final = "give it a number that was never used"


def _field(title: str, says: str, edit: Edit, state: State = State.V3) -> Mistake:
    return Mistake(title, Guard.CHECK, says, edit, state)


def _v3(title: str, says: str, was: str, now: str) -> Mistake:
    return _field(title, says, replaced(V3, was, now))


def _dropping(field: str, version: str = "v2", file: str = V3) -> Edit:
    return replaced(file, placed_from(version), f'{placed_from(version)} {_DROPPED} = "{field}";')


_DROP_CHANNEL: Final = all_of(_dropping("channel", "v3", V4), cut(V4, "  // The way by which the order came.\n", ";\n"))
_RANK: Final = f"optional int64 rank = 6 [{FIELD} = {{absent: true not_public: true}}];"

MISTAKES: Final = [
    _field(
        "a field is neither used nor dropped",
        f"v3.OrderPlaced.channel is lost in v4.OrderPlaced: {_USE}",
        cut(V4, "  // The way by which the order came.\n", ";\n"),
        State.V4,
    ),
    _field(
        "a field of a nested message is neither used nor dropped",
        f"v2.OrderSource.status_text is lost in v3.OrderSource: {_USE}",
        cut(V3, "  // The status that the source gave, as text", ";\n"),
    ),
    _v3(
        "a field is renamed without a word",
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
        "`from` names a predecessor that there is not",
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
        "a message moves in without a word",
        f"v3.OrderPlaced.delivery gets no value from v2.OrderPlaced: {_SAY}",
        f' [{FIELD}.from = "."]',
        "",
    ),
    _v3(
        "several messages are to move in",
        'v3.OrderPlaced.delivery has from: ".", but is not a single message: name a field',
        "optional Delivery delivery",
        "repeated Delivery delivery",
    ),
    _field(
        "what is dropped is misspelt",
        "v3.OrderPlaced drops custmer, but v2.OrderPlaced has no such field: correct the path",
        _dropping("custmer"),
    ),
    _field(
        "what is dropped is read",
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
        "a new field of a message that moves in has no rule",
        f"v3.Delivery.carrier gets no value from v2.OrderPlaced: {_SAY}",
        "message Delivery {",
        "message Delivery { optional string carrier = 2;",
    ),
    _v3(
        "a literal is of another type",
        "v3.OrderPlaced.parcels has the literal one, which is no value of its type: correct it",
        f"parcels = 12 [{FIELD} = {{absent: true",
        f'parcels = 12 [{FIELD} = {{literal: "one"',
    ),
    _v3(
        "a literal is too large",
        "has the literal 9223372036854775808, which is no value of its type: correct it",
        f"parcels = 12 [{FIELD} = {{absent: true",
        f'parcels = 12 [{FIELD} = {{literal: "9223372036854775808"',
    ),
    _v3(
        "a literal is no value of its enum",
        "v3.OrderPlaced.priority has the literal NORMAL, which is no value of its type: correct it",
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
        "a field says both `literal` and `absent`",
        "v3.OrderPlaced.channel has both `literal` and `absent`: keep one",
        'literal: "unknown"',
        'literal: "unknown" absent: true',
    ),
    _v3(
        "a field that is filled says `absent`",
        "v3.OrderPlaced.source has the rule `absent`, but v2.OrderPlaced.source fills it: remove one of the two",
        "optional OrderSource source = 4;",
        f"optional OrderSource source = 4 [{FIELD}.absent = true];",
    ),
    _v3(
        "a field says both `from` and `literal`",
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
        "the number of a field that moved is used again",
        f"v3.OrderPlaced.channel has the number 3 of v2.OrderPlaced.expected_delivery_date: {_NEW_NUMBER}",
        "channel = 6",
        "channel = 3",
    ),
    _field(
        "the number of a field that is dropped is used again",
        f"v4.OrderPlaced.rank has the number 6 of v3.OrderPlaced.channel: {_NEW_NUMBER}",
        all_of(
            _DROP_CHANNEL,
            replaced(V4, "  // What the packers should know.\n", f"{_RANK}\n  // What the packers should know.\n"),
        ),
        State.V4,
    ),
    _field(
        "the number of a field that an earlier version dropped is used again",
        f"v5.OrderPlaced.rank has the number 6 of v3.OrderPlaced.channel: {_NEW_NUMBER}",
        all_of(
            _DROP_CHANNEL,
            next_version,
            replaced(V5, "  // What the packers should know.\n", f"{_RANK}\n  // What the packers should know.\n"),
        ),
        State.V4,
    ),
]
