"""Draws the commands that follow a sample order. They obey the order rules, so none is refused."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random

from ordertrail.commands import Request
from ordertrail.v1.commands_pb2 import (
    AddOrderLineRequest,
    CancelOrderRequest,
    ChangeOrderLineQuantityRequest,
    ConfirmOrderRequest,
    DeliverOrderRequest,
    RemoveOrderLineRequest,
    RescheduleDeliveryRequest,
    ReturnOrderRequest,
    ShipOrderRequest,
)
from ordertrail.v1.order_events_pb2 import OrderedLine
from ordertrail.values import day, shipped

# The probability of each step for an order that has reached it.
CHANGE_PROBABILITY, CANCEL_PROBABILITY, CONFIRM_PROBABILITY, RESCHEDULE_PROBABILITY = 0.5, 0.1, 0.9, 0.1
SHIP_PROBABILITY, PARTIAL_SHIPMENT_PROBABILITY, DELIVER_PROBABILITY, RETURN_PROBABILITY = 0.85, 0.3, 0.85, 0.1

DrawLine = Callable[[dict[str, int]], OrderedLine]
Chance = Callable[[float], bool]


def continue_order(
    random: Random, order_id: str, ordered: dict[str, int], expected: date, draw_other_line: DrawLine
) -> Iterator[Request]:
    """Yield the commands that follow on an order of {product: quantity}. `draw_other_line` draws a line not in it."""

    def chance(probability: float) -> bool:
        return random.random() < probability

    while chance(CHANGE_PROBABILITY):
        yield _draw_change(random, order_id, ordered, draw_other_line)
    if chance(CANCEL_PROBABILITY):
        yield CancelOrderRequest(order_id=order_id, reason="ordered twice")
        return
    if chance(CONFIRM_PROBABILITY):
        yield ConfirmOrderRequest(order_id=order_id)
        if chance(RESCHEDULE_PROBABILITY):
            yield RescheduleDeliveryRequest(order_id=order_id, expected_delivery_date=day(expected + timedelta(days=7)))
        if chance(SHIP_PROBABILITY):
            yield from _draw_shipment(order_id, ordered, chance)


def _draw_shipment(order_id: str, ordered: dict[str, int], chance: Chance) -> Iterator[Request]:
    if chance(PARTIAL_SHIPMENT_PROBABILITY) and sum(ordered.values()) > 1:
        yield _ship_part(order_id, ordered)
    yield ShipOrderRequest(order_id=order_id)
    if chance(DELIVER_PROBABILITY):
        yield DeliverOrderRequest(order_id=order_id)
    if chance(RETURN_PROBABILITY):
        yield ReturnOrderRequest(order_id=order_id, reason="not as described")


def _draw_change(random: Random, order_id: str, ordered: dict[str, int], draw_other_line: DrawLine) -> Request:
    """Return a command that changes a line, and apply it to `ordered`."""
    product = random.choice(list(ordered))
    draw = random.random()
    if draw < 0.4:
        new_line = draw_other_line(ordered)
        ordered[new_line.product_id] = new_line.quantity
        return AddOrderLineRequest(order_id=order_id, line=new_line)
    if draw < 0.6 and len(ordered) > 1:
        del ordered[product]
        return RemoveOrderLineRequest(order_id=order_id, product_id=product)
    ordered[product] += random.randint(1, 10)
    return ChangeOrderLineQuantityRequest(order_id=order_id, product_id=product, quantity=ordered[product])


def _ship_part(order_id: str, ordered: dict[str, int]) -> Request:
    product, quantity = next(iter(ordered.items()))
    return ShipOrderRequest(order_id=order_id, lines=[shipped(product, (quantity + 1) // 2)])
