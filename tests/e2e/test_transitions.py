"""Each status of an order allows a verb, or refuses it with a reason."""

from typing import Any

import pytest
from tests.e2e.refusals import catch_refusal
from tests.e2e.rpcs import RPCS, VERBS, build_request
from tests.e2e.sample_orders import build_order

from ordertrail.client import OrderTrail
from ordertrail.v1.commands_pb2 import ShipOrderRequest

# The verbs that lead to a status, and the verbs that it allows; in parentheses verbs whose effect it already has.
LIVES: dict[str, tuple[list[str], str]] = {
    "PLACED": (
        [],
        "AddOrderLine ChangeOrderLineQuantity RemoveOrderLine RescheduleDelivery ConfirmOrder CancelOrder",
    ),
    "CONFIRMED": (["ConfirmOrder"], "RescheduleDelivery ShipOrder CancelOrder (ConfirmOrder)"),
    "PARTLY_SHIPPED": (["ConfirmOrder", "ShipOrder"], "RescheduleDelivery ShipOrder"),
    "SHIPPED": (["ConfirmOrder", "ShipWhole"], "DeliverOrder ReturnOrder (ShipWhole)"),
    "DELIVERED": (["ConfirmOrder", "ShipWhole", "DeliverOrder"], "ReturnOrder (DeliverOrder)"),
    "CANCELLED": (["CancelOrder"], "(CancelOrder)"),
    "RETURNED": (["ConfirmOrder", "ShipWhole", "ReturnOrder"], "(ReturnOrder)"),
}


@pytest.mark.parametrize("status", LIVES)
async def test_status_allows_or_refuses_each_verb(orders: OrderTrail, status: str) -> None:
    steps, verbs = LIVES[status]
    order_id = (await orders.send(build_order())).order_id
    for step in steps:
        await orders.send(verb_request(step, order_id, validate_only=False))
    allowed = verbs.split()
    for verb in [*VERBS[1:], "ShipWhole"]:
        request = verb_request(verb, order_id, validate_only=True)
        if verb in allowed or (verb == "ShipWhole" and "ShipOrder" in allowed):
            assert (await orders.send(request)).order_version == len(steps) + 2
        else:
            reason = "NOTHING_CHANGES" if f"({verb})" in allowed else "STATUS_FORBIDS"
            rpc = RPCS["ShipOrder" if verb == "ShipWhole" else verb]
            call_refusal = await catch_refusal(rpc.call(orders.channel, request.SerializeToString()))
            assert (call_refusal.code.name, call_refusal.reason, call_refusal.preconditions) == (
                "FAILED_PRECONDITION",
                reason,
                [reason],
            ), verb
            assert reason != "STATUS_FORBIDS" or call_refusal.metadata["status"] == f"ORDER_STATUS_{status}"


def verb_request(verb: str, order_id: str, validate_only: bool) -> Any:
    request = ShipOrderRequest(order_id=order_id) if verb == "ShipWhole" else build_request(verb, order_id)
    request.validate_only = validate_only
    return request
