"""The public API is broken, a stored event does not match its public event, or protos lack comments."""

from typing import Final

from tests.evolving.mistakes.edit import Edit, combine_edits, cut_text, replace_text
from tests.evolving.mistakes.guard import Guard
from tests.evolving.mistakes.mistake import Mistake
from tests.evolving.mistakes.trees import FIELD, RECORD, V3, State

EVENTS: Final = "proto/ordertrail/v1/order_events.proto"
_STATUS: Final = "proto/ordertrail/v1/order_status.proto"
_ORDER: Final = "proto/ordertrail/v1/order.proto"
_COMMANDS: Final = "proto/ordertrail/v1/order_command_service.proto"
_REQUESTS: Final = "proto/ordertrail/v1/commands.proto"
_LAST_OF_PLACE: Final = "optional Date expected_delivery_date = 12;"
_REASON: Final = "optional string reason = 1;"
_CANCELLED: Final = "message OrderCancelled {"
_RETURNED: Final = 'from: "ORDER_STATUS_RETURNED" to: "ORDER_STATUS_CALLED_OFF"'
_SAY: Final = "set `public` on the field that corresponds to it"
_ALIKE: Final = "do not have the same values: add those that one of them lacks"


def _v3(title: str, says: str, was: str, now: str) -> Mistake:
    return Mistake(title, Guard.CHECK, says, replace_text(V3, was, now), State.V3)


def _today(title: str, says: str, edit: Edit) -> Mistake:
    return Mistake(title, Guard.CHECK, says, edit)


def _breaking(title: str, says: str, edit: Edit) -> Mistake:
    return Mistake(title, Guard.BREAKING, says, edit)


def _request(title: str, says: str, field: str) -> Mistake:
    return _today(title, says, replace_text(_REQUESTS, _LAST_OF_PLACE, f"{_LAST_OF_PLACE} {field}"))


def _lint(title: str, says: str, was: str, now: str) -> Mistake:
    return Mistake(title, Guard.LINT, says, replace_text(V3, was, now), State.V3)


MISTAKES: Final = [
    _v3(
        "a stored field is not public, and does not say so",
        "v3.OrderPlaced.channel is not part of the public event: "
        "add it to ordertrail.v1.OrderPlaced, or set `public` or `not_public` on it",
        'literal: "unknown" not_public: true',
        'literal: "unknown"',
    ),
    _v3(
        "`public` is misspelt",
        "v3.OrderPlaced.channel is the public chanel, but ordertrail.v1.OrderPlaced has no such field: correct",
        'literal: "unknown" not_public: true',
        'literal: "unknown" public: "chanel"',
    ),
    _v3(
        "two stored fields map to the same public field",
        "ordertrail.v1.OrderPlaced.customer_id is read by 2 fields of v3.OrderPlaced: keep one",
        'literal: "unknown" not_public: true',
        'literal: "unknown" public: "customer_id"',
    ),
    _v3(
        "a field has both `public` and `not_public`",
        "v3.OrderPlaced.channel has both `public` and `not_public`: keep one",
        'literal: "unknown" not_public',
        'literal: "unknown" public: "customer_id" not_public',
    ),
    _v3(
        "a field with a public counterpart has `not_public`",
        f"ordertrail.v1.OrderPlaced.customer_id has no field of v3.OrderPlaced as its source: {_SAY}",
        f'[{FIELD}.from = "customer_id"]',
        f'[{FIELD} = {{from: "customer_id" not_public: true}}]',
    ),
    _v3(
        "a stored enum has a value that the public enum lacks",
        f"{_ALIKE} (ORDER_STATUS_LOST)",
        "ORDER_STATUS_RETURNED = 7;",
        "ORDER_STATUS_RETURNED = 7; ORDER_STATUS_LOST = 8;",
    ),
    Mistake(
        "two enum values are mapped to one",
        Guard.CHECK,
        _ALIKE,
        combine_edits(
            replace_text(V3, "  ORDER_STATUS_RETURNED = 7;\n", ""),
            replace_text(V3, "enum_map: {", f"enum_map: {{{_RETURNED}}} enum_map: {{"),
        ),
        State.V3,
    ),
    _today(
        "a public field is added without a stored field",
        f"ordertrail.v1.OrderCancelled.refund has no field of v2.OrderCancelled as its source: {_SAY}",
        replace_text(EVENTS, _REASON, f"{_REASON} optional string refund = 2;", after=_CANCELLED),
    ),
    _today(
        "a public enum value is added without a stored value",
        f"{_ALIKE} (ORDER_STATUS_LOST)",
        replace_text(_STATUS, "ORDER_STATUS_RETURNED = 7;", "ORDER_STATUS_RETURNED = 7; ORDER_STATUS_LOST = 8;"),
    ),
    _request(
        "a new field of a command has a lower number than a released one",
        "has the number 5, below 12, which is released: give it one above 12, so that a retry has the same digest",
        "optional string gift_message = 5;",
    ),
    _request(
        "a map is added to a command",
        "gift_message is a map, whose entries have no order: make it a list of messages",
        "map<string, string> gift_message = 13;",
    ),
    _breaking(
        "a public field is removed",
        'Previously present field "1" with name "reason" on message "OrderCancelled" was deleted',
        replace_text(EVENTS, _REASON, "", after=_CANCELLED),
    ),
    _breaking(
        "a public field is renumbered",
        'Previously present field "1" with name "reason" on message "OrderCancelled" was deleted',
        replace_text(EVENTS, _REASON, "optional string reason = 2;", after=_CANCELLED),
    ),
    _breaking(
        "a public field is renamed",
        'Field "1" on message "OrderCancelled" changed name from "reason" to "why"',
        replace_text(EVENTS, _REASON, "optional string why = 1;", after=_CANCELLED),
    ),
    _breaking(
        "a public field is retyped",
        'Field "1" with name "reason" on message "OrderCancelled" changed type from "string" to "bytes"',
        replace_text(EVENTS, _REASON, "optional bytes reason = 1;", after=_CANCELLED),
    ),
    _breaking(
        "a public field becomes repeated",
        'Field "1" with name "reason" on message "OrderCancelled" changed cardinality',
        replace_text(EVENTS, _REASON, "repeated string reason = 1;", after=_CANCELLED),
    ),
    _breaking(
        "a public enum value is removed",
        'Previously present enum value "7" on enum "OrderStatus" was deleted',
        replace_text(_STATUS, "ORDER_STATUS_RETURNED = 7;", ""),
    ),
    _breaking(
        "a public enum value is renamed",
        'Enum value "7" on enum "OrderStatus" changed name from "ORDER_STATUS_RETURNED" to "ORDER_STATUS_BACK"',
        replace_text(_STATUS, "ORDER_STATUS_RETURNED = 7;", "ORDER_STATUS_BACK = 7;"),
    ),
    _breaking(
        "a public message is removed",
        'Previously present message "OrderLine" was deleted from file',
        combine_edits(
            replace_text(_ORDER, "message OrderLine {", "message LineOfOrder {"),
            replace_text(_ORDER, "repeated OrderLine", "repeated LineOfOrder"),
        ),
    ),
    _breaking(
        "an rpc is removed",
        'Previously present RPC "ReturnOrder" on service "OrderCommandService" was deleted',
        cut_text(_COMMANDS, "  // Records that the customer sent back", ";\n"),
    ),
    _breaking(
        "the response type of an rpc is changed",
        'RPC "ReturnOrder" on service "OrderCommandService" changed response type',
        replace_text(_COMMANDS, "returns (ReturnOrderResponse)", "returns (CancelOrderResponse)"),
    ),
    _lint(
        "a field has no comment",
        'Field "note" should have a non-empty comment for documentation',
        "  // What the packers should know.\n",
        "",
    ),
    _lint(
        "a message has no comment",
        'Message "Money" should have a non-empty comment',
        "// An exact amount of money in one currency.\n",
        "",
    ),
    _lint("an enum value has no comment", "should have a non-empty comment", "  // Before others.\n", ""),
    _lint(
        "a field name is not in lower_snake_case",
        'Field name "orderNote" should be lower_snake_case',
        "string note",
        "string orderNote",
    ),
    _lint(
        "the zero value of an enum is not named _UNSPECIFIED",
        'should be suffixed with "_UNSPECIFIED"',
        "PRIORITY_UNSPECIFIED = 0;",
        "PRIORITY_LOW = 0;",
    ),
    Mistake(
        "a file is not in the directory of its package",
        Guard.LINT,
        'must be within a directory "ordertrail/events/v4"',
        combine_edits(
            replace_text(V3, "package ordertrail.events.v3;", "package ordertrail.events.v4;"),
            replace_text(RECORD, "v3.OrderPlaced", "v4.OrderPlaced"),
            replace_text(RECORD, "v3.OrderShipped", "v4.OrderShipped"),
        ),
        State.V3,
    ),
]
