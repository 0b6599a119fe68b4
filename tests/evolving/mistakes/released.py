"""Mistakes in a released message. schema.lock reports stored messages, `buf breaking` public ones."""

from typing import Final

from tests.evolving.mistakes.edit import Edit, combine_edits, cut_text, replace_text
from tests.evolving.mistakes.guard import Guard
from tests.evolving.mistakes.mistake import Mistake
from tests.evolving.mistakes.trees import RECORD, V1, V2

_PUT_BACK: Final = "a released message never changes: restore it"
_UNITS: Final = "optional int64 units = 2;"
_RETURNED: Final = "ORDER_STATUS_RETURNED = 7;"
_TEXT: Final = "optional string expected_delivery_date = 3;"


def _message(title: str, says: str, edit: Edit) -> Mistake:
    cure = f"{_PUT_BACK}, and copy it into a new version with `ordertrail schema new`"
    return Mistake(f"in a released message, {title}", Guard.LOCK, f"{says}; {cure}", edit)


def _units(title: str, says: str, now: str) -> Mistake:
    return _message(title, f"message v2.Money: {says}", replace_text(V2, _UNITS, now))


def _becomes(title: str, now: str) -> Mistake:
    return _units(title, f"number 2 was `optional int64 units`, and is `{now}` now", f"{now} = 2;")


def _status(title: str, says: str, now: str) -> Mistake:
    return _message(title, f"enum v2.OrderStatus: {says}", replace_text(V2, _RETURNED, now))


def _record(title: str, says: str, edit: Edit) -> Mistake:
    cure = f"{_PUT_BACK}; give a new field a number that was never used"
    return Mistake(f"in Record, {title}", Guard.LOCK, f"message ordertrail.log.v1.Record: {says}; {cure}", edit)


def _case(title: str, says: str, before: str, now: str) -> Mistake:
    return _record(title, says, replace_text(RECORD, before, now))


MISTAKES: Final = [
    _units("a field is renumbered", "`units` had the number 2, and has 4 now", "optional int64 units = 4;"),
    _units(
        "a field is renamed",
        "number 2 was `optional int64 units`, and is `optional int64 amount` now",
        "optional int64 amount = 2;",
    ),
    _becomes("a field is retyped", "optional string units"),
    _becomes("a field is narrowed", "optional int32 units"),
    _units("a field is removed", "number 2 is gone: it was `optional int64 units`", ""),
    _becomes("a field is made repeated", "repeated int64 units"),
    _units(
        "a field loses `optional`",
        "number 2 was `optional int64 units`, and is `implicit int64 units` now",
        "int64 units = 2;",
    ),
    _units(
        "a field is moved into a oneof",
        "number 2 was `optional int64 units`, and is `oneof part int64 units` now",
        "oneof part { int64 units = 2; }",
    ),
    _units("a field is added", "number 4 is new: `optional string note`", f"{_UNITS} optional string note = 4;"),
    _message(
        "a field is replaced by another one under the same number",
        "message v1.OrderCreated: number 3 is used again: it was `optional string expected_delivery_date`, "
        "and is `optional int64 expected_delivery_millis` now",
        replace_text(V1, _TEXT, "optional int64 expected_delivery_millis = 3;"),
    ),
    _message(
        "a message field is moved into a oneof",
        "message v2.OrderPlaced: number 4 was `optional v2.OrderSource source`, "
        "and is `oneof of v2.OrderSource source` now",
        replace_text(V2, "optional OrderSource source = 4;", "oneof of { OrderSource source = 4; }"),
    ),
    _message(
        "a nested message is edited",
        "message v2.ShippedLine: number 2 was `optional int64 quantity`, and is `optional int64 amount` now",
        replace_text(V2, "int64 quantity = 2;", "int64 amount = 2;", after="message ShippedLine {"),
    ),
    _status("an enum value is removed", "number 7 is gone: it was `ORDER_STATUS_RETURNED`", ""),
    _status(
        "an enum value is renumbered",
        "`ORDER_STATUS_RETURNED` had the number 7, and has 8 now",
        "ORDER_STATUS_RETURNED = 8;",
    ),
    _status(
        "an enum value is renamed",
        "number 7 was `ORDER_STATUS_RETURNED`, and is `ORDER_STATUS_BACK` now",
        "ORDER_STATUS_BACK = 7;",
    ),
    _status("an enum value is added", "number 8 is new: `ORDER_STATUS_LOST`", f"{_RETURNED} ORDER_STATUS_LOST = 8;"),
    _message(
        "a rule of a field is added",
        'message v2.OrderShipped: number 1: its rules were none, and are `from = "goods"` now',
        replace_text(
            V2, "ShippedLine lines = 1;", 'ShippedLine lines = 1 [(ordertrail.evolve.v1.field).from = "goods"];'
        ),
    ),
    _message(
        "a rule is removed",
        'and are `from = "v1.OrderPlaced"; from = "v1.OrderCreated"; python = "v1.order_created"` now',
        replace_text(V2, '      "v1.order_placed",\n', ""),
    ),
    _message(
        "a rule is changed",
        'and are `from = "v1.OrderPlaced"; from = "v1.OrderItem"; python = "v1.order_placed"; '
        'python = "v1.order_created"` now',
        replace_text(V2, '"ordertrail.events.v1.OrderCreated"\n', '"ordertrail.events.v1.OrderItem"\n'),
    ),
    Mistake(
        "a released message is renamed",
        Guard.LOCK,
        "message v2.OrderReturned: no record can hold it any more; "
        "a released message stays readable: restore it and its case in the record",
        combine_edits(
            replace_text(V2, "message OrderReturned {", "message OrderBack {"),
            replace_text(RECORD, "v2.OrderReturned", "v2.OrderBack"),
        ),
    ),
    _record(
        "a case is removed",
        "number 28 is gone: it was `oneof event v2.OrderCancelled order_cancelled_v2`",
        cut_text(RECORD, "    // The order was cancelled.\n", ";\n"),
    ),
    _case("a case is renumbered", "`order_returned_v2` had the number 29, and has 30 now", "_v2 = 29;", "_v2 = 30;"),
    _case(
        "a case is renamed",
        "number 29 was `oneof event v2.OrderReturned order_returned_v2`, "
        "and is `oneof event v2.OrderReturned order_back_v2` now",
        "order_returned_v2",
        "order_back_v2",
    ),
    _case(
        "a case gets another message type",
        "number 29 was `oneof event v2.OrderReturned order_returned_v2`, "
        "and is `oneof event v2.OrderCancelled order_returned_v2` now",
        "v2.OrderReturned",
        "v2.OrderCancelled",
    ),
    _record(
        "two cases swap their numbers",
        "`order_cancelled_v2` had the number 28, and has 29 now",
        combine_edits(
            replace_text(RECORD, "_v2 = 29;", "_v2 = 0;"),
            replace_text(RECORD, "_v2 = 28;", "_v2 = 29;"),
            replace_text(RECORD, "_v2 = 0;", "_v2 = 28;"),
        ),
    ),
    _case(
        "a field of the envelope is retyped",
        "number 7 was `optional string actor`, and is `optional bytes actor` now",
        "optional string actor",
        "optional bytes actor",
    ),
]
