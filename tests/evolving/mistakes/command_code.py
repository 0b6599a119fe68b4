"""Mistakes in the code of commands: a new field is ignored, or a retry of an earlier request is not recognized."""

from typing import Final

from tests.evolving.mistakes.edit import Edit, combine_edits, replace_text
from tests.evolving.mistakes.guard import Guard
from tests.evolving.mistakes.mistake import Mistake
from tests.evolving.mistakes.trees import State, generate

_PREPARE: Final = "server/ordertrail_server/commands/prepare.py"
_DECIDE: Final = "server/ordertrail_server/orders/decide.py"
_EVOLVE: Final = "server/ordertrail_server/orders/evolve.py"
_DAY: Final = "optional Date expected_delivery_date = 12;"
_REASON: Final = "optional string reason = 1;"


def _new_field(title: str, says: str, file: str, field: str, new: str, after: str = "") -> Mistake:
    edit = replace_text(f"proto/ordertrail/v1/{file}", field, f"{field} {new}", after=after)
    return Mistake(title, Guard.FIELDS, says, combine_edits(edit, generate), State.CODE)


def _field(title: str, says: str, edit: Edit) -> Mistake:
    return Mistake(title, Guard.FIELDS, says, edit, State.CODE)


def _formula(title: str, says: str, was: str, now: str) -> Mistake:
    return Mistake(title, Guard.FORMULAS, says, replace_text(_PREPARE, was, now), State.CODE)


MISTAKES: Final = [
    _new_field(
        "a command gets a field that `decide` does not copy",
        "PlaceOrderRequest.gift_message does not change the event: correct orders/decide.py",
        "commands.proto",
        _DAY,
        "optional string gift_message = 13;",
    ),
    _new_field(
        "an event gets a field that `evolve` does not fold",
        "OrderCancelled.refund does not change the order: correct orders/evolve.py",
        "order_events.proto",
        _REASON,
        "optional string refund = 2;",
        after="message OrderCancelled {",
    ),
    _new_field(
        "a line of an event gets a field that `evolve` does not fold",
        "OrderPlaced.lines.note does not change the order: correct orders/evolve.py",
        "order_events.proto",
        "optional Money unit_price = 3;",
        "optional string note = 4;",
        after="message OrderedLine {",
    ),
    _field(
        "`decide` no longer copies a field",
        "CancelOrderRequest.reason does not change the event: correct orders/decide.py",
        replace_text(
            _DECIDE, 'OrderCancelled(reason=command.reason if command.HasField("reason") else None)', "OrderCancelled()"
        ),
    ),
    _field(
        "`evolve` no longer folds a field",
        "OrderPlaced.source.reference does not change the order: correct orders/evolve.py",
        replace_text(_EVOLVE, "order.source.CopyFrom(event.source)", "order.source.SetInParent()"),
    ),
    _formula(
        "the formula of the digest of a command is changed",
        "test_command_digest_never_changes",
        '"\\0"',
        '"\\1"',
    ),
    _formula(
        "the formula of the derived order id is changed",
        "test_derived_order_id_never_changes",
        "{scope}{request_id}",
        "{request_id}{scope}",
    ),
]
