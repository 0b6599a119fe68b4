"""Random commands of all verbs on a few orders at a time, so that callers contend for them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import Random

from ordertrail.commands import Request
from ordertrail.v1.commands_pb2 import (
    AddOrderLineRequest,
    CancelOrderRequest,
    ChangeOrderLineQuantityRequest,
    ConfirmOrderRequest,
    DeliverOrderRequest,
    PlaceOrderRequest,
    RemoveOrderLineRequest,
    RescheduleDeliveryRequest,
    ReturnOrderRequest,
    ShipOrderRequest,
)
from ordertrail.v1.order_events_pb2 import OrderedLine
from ordertrail.values import day, line, shipped

PRODUCTS = ("apple", "pear", "plum")
CONTESTED = 4
"""The number of orders that get commands at a time."""

LIFE = 70
"""The number of commands after which another order replaces an order."""


@dataclass
class ContestedOrder:
    """An order that callers contend for, and its newest version in a receipt."""

    order_id: str
    request_count: int = 0
    version: int = 0


class RequestGenerator:
    """Creates the commands on the orders of one round. The random source determines all of them."""

    def __init__(self, random: Random, name: str) -> None:
        self._random, self._name = random, name
        self._orders: dict[str, ContestedOrder] = {}
        self._open = [self._begin_order() for _ in range(CONTESTED)]

    def record_version(self, order_id: str, version: int) -> None:
        """Record the version of an order in a receipt."""
        order = self._orders[order_id]
        order.version = max(order.version, version)

    def create_request(self) -> Request:
        """Return a new command, with a request id."""
        order = self._random.choice(self._open)
        order.request_count += 1
        if order.request_count >= LIFE:
            self._open.remove(order)
            self._open.append(self._begin_order())
        request = self._choose_verb(order)(self._random, order.order_id)
        request.request_id = f"{order.order_id}/{order.request_count}"
        if self._random.random() < 0.25:
            # Mostly the newest version, so that the command is refused if another caller was faster.
            request.expected_version = max(0, order.version - (self._random.random() < 0.1))
        return request

    def _begin_order(self) -> ContestedOrder:
        order = ContestedOrder(f"{self._name}-{len(self._orders) + 1}")
        self._orders[order.order_id] = order
        return order

    def _choose_verb(self, order: ContestedOrder) -> "Verb":
        if order.request_count <= 4:
            return place
        verbs = YOUNG if order.request_count < LIFE // 2 else OLD
        [verb] = self._random.choices(list(verbs), list(verbs.values()))
        return verb


Verb = Callable[[Random, str], Request]


def place(random: Random, order_id: str) -> Request:
    return PlaceOrderRequest(customer_id=f"shop-{random.randint(1, 3)}", lines=[_line(random)], order_id=order_id)


def add(random: Random, order_id: str) -> Request:
    return AddOrderLineRequest(order_id=order_id, line=_line(random))


def change(random: Random, order_id: str) -> Request:
    return ChangeOrderLineQuantityRequest(
        order_id=order_id, product_id=random.choice(PRODUCTS), quantity=random.randint(1, 9)
    )


def remove(random: Random, order_id: str) -> Request:
    return RemoveOrderLineRequest(order_id=order_id, product_id=random.choice(PRODUCTS))


def reschedule(random: Random, order_id: str) -> Request:
    return RescheduleDeliveryRequest(
        order_id=order_id, expected_delivery_date=day(date(2031, 1, random.randint(1, 28)))
    )


def confirm(random: Random, order_id: str) -> Request:
    return ConfirmOrderRequest(order_id=order_id)


def ship(random: Random, order_id: str) -> Request:
    return ShipOrderRequest(
        order_id=order_id, lines=[shipped(random.choice(PRODUCTS), 1)] if random.random() < 0.8 else []
    )


def deliver(random: Random, order_id: str) -> Request:
    return DeliverOrderRequest(order_id=order_id)


def cancel(random: Random, order_id: str) -> Request:
    return CancelOrderRequest(order_id=order_id, reason=random.choice(["late", "dear"]))


def send_back(random: Random, order_id: str) -> Request:
    return ReturnOrderRequest(order_id=order_id, reason="broken")


def _line(random: Random) -> OrderedLine:
    return line(random.choice(PRODUCTS), random.randint(1, 9), "2.50", "EUR")


YOUNG: dict[Verb, float] = {add: 4, change: 10, remove: 3, reschedule: 4, confirm: 0.2, cancel: 0.05, ship: 0.2}
OLD: dict[Verb, float] = {
    place: 0.3,
    change: 2,
    reschedule: 5,
    confirm: 2,
    ship: 5,
    deliver: 1,
    cancel: 0.2,
    send_back: 0.5,
}
