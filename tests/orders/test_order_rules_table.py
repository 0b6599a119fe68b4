"""The table in docs/order-rules.md is correct for every verb in every status."""

import re
from pathlib import Path

import pytest
from tests.orders.rules_table import DOCUMENT, TABLE
from tests.orders.spec import ORDER, after, build_date, build_placed, build_shipped, fold_order, line

from ordertrail.v1.commands_pb2 import (
    AddOrderLineRequest,
    CancelOrderRequest,
    ChangeOrderLineQuantityRequest,
    Command as CommandMessage,
    ConfirmOrderRequest,
    DeliverOrderRequest,
    PlaceOrderRequest,
    RemoveOrderLineRequest,
    RescheduleDeliveryRequest,
    ReturnOrderRequest,
    ShipOrderRequest,
)
from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_events_pb2 import (
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderReturned,
    OrderShipped,
)
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.order_status_pb2 import OrderStatus
from ordertrail_server.orders import order_refusal
from ordertrail_server.orders.decide import Command, decide
from ordertrail_server.orders.refusal import Refusal

NEW = build_placed(line("pen", 3), line("ink", 2))
SOME = OrderShipped(lines=[build_shipped("pen", 1)])
WHOLE = OrderShipped(lines=[build_shipped("pen", 3), build_shipped("ink", 2)])

ORDERS: dict[str, Order | None] = {
    "no order": None,
    "PLACED": fold_order(NEW),
    "CONFIRMED": fold_order(NEW, OrderConfirmed()),
    "PARTLY_SHIPPED": fold_order(NEW, OrderConfirmed(), SOME),
    "SHIPPED": fold_order(NEW, OrderConfirmed(), WHOLE),
    "DELIVERED": fold_order(NEW, OrderConfirmed(), WHOLE, OrderDelivered()),
    "CANCELLED": fold_order(NEW, OrderCancelled()),
    "RETURNED": fold_order(NEW, OrderConfirmed(), WHOLE, OrderReturned()),
}

COMMANDS: dict[str, Command] = {
    "place_order": PlaceOrderRequest(order_id=ORDER, customer_id="shop-1", lines=NEW.lines),
    "add_order_line": AddOrderLineRequest(order_id=ORDER, line=line("pad")),
    "change_order_line_quantity": ChangeOrderLineQuantityRequest(order_id=ORDER, product_id="pen", quantity=9),
    "remove_order_line": RemoveOrderLineRequest(order_id=ORDER, product_id="pen"),
    "reschedule_delivery": RescheduleDeliveryRequest(order_id=ORDER, expected_delivery_date=build_date(2024, 3, 1)),
    "confirm_order": ConfirmOrderRequest(order_id=ORDER),
    "ship_order, some of it": ShipOrderRequest(order_id=ORDER, lines=[build_shipped("pen", 1)]),
    "ship_order, all that remains": ShipOrderRequest(order_id=ORDER),
    "deliver_order": DeliverOrderRequest(order_id=ORDER),
    "cancel_order": CancelOrderRequest(order_id=ORDER),
    "return_order": ReturnOrderRequest(order_id=ORDER),
}

WORD_OF = {
    "ERROR_REASON_ORDER_EXISTS": "exists",
    "ERROR_REASON_ORDER_NOT_FOUND": "not found",
    "ERROR_REASON_NOTHING_CHANGES": "no change",
    "ERROR_REASON_STATUS_FORBIDS": "–",
}


def test_table_has_every_verb_and_every_status_of_the_contract() -> None:
    statuses = {name.removeprefix("ORDER_STATUS_") for name in OrderStatus.DESCRIPTOR.values_by_name} - {"UNSPECIFIED"}
    assert {status for _, status in TABLE} == statuses | {"no order"}
    assert {verb for verb, _ in TABLE} == set(COMMANDS)
    assert {verb.split(",")[0] for verb, _ in TABLE} == {
        field.name for field in CommandMessage.DESCRIPTOR.oneofs_by_name["verb"].fields
    }


@pytest.mark.parametrize(("verb", "status"), list(TABLE))
def test_verb_in_a_status_has_the_outcome_of_the_table(verb: str, status: str) -> None:
    order = ORDERS[status]
    outcome = decide(order, COMMANDS[verb])
    if isinstance(outcome, Refusal):
        assert WORD_OF[ErrorReason.Name(outcome.reason)] == TABLE[verb, status]
        assert outcome.order_id == ORDER
    else:
        assert OrderStatus.Name(after(order, outcome).status) == f"ORDER_STATUS_{TABLE[verb, status]}"


@pytest.mark.parametrize(("verb", "status"), [key for key, cell in TABLE.items() if cell == "–"])
def test_status_refusal_names_status_verb_and_allowed_statuses(verb: str, status: str) -> None:
    refusal = decide(ORDERS[status], COMMANDS[verb])
    assert isinstance(refusal, Refusal)
    assert dict(refusal.facts) == {"status": f"ORDER_STATUS_{status}", "verb": verb.split(",")[0]}
    refusal_cells = {"not found", "no change", "–", "exists"}
    allowed = [
        allowed_status for (row, allowed_status), cell in TABLE.items() if row == verb and cell not in refusal_cells
    ]
    assert refusal.message.endswith(f"needs it to be {' or '.join(allowed)}.")


def test_document_names_exactly_the_reasons_of_the_order_rules() -> None:
    rule_reasons = set(re.findall(r"reasons\.ERROR_REASON_(\w+)", Path(str(order_refusal.__file__)).read_text()))
    named = set(re.findall(r"`([A-Z_]+)`", DOCUMENT.read_text(encoding="utf-8")))
    contract_reasons = {value.name.removeprefix("ERROR_REASON_") for value in ErrorReason.DESCRIPTOR.values}
    assert rule_reasons == named & contract_reasons
