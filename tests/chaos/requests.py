"""What callers ask: all verbs, on a few orders at a time, so that their commands meet."""

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
"""How many orders are asked for at a time."""

LIFE = 70
"""How many commands an order gets before another takes its place."""


@dataclass
class Contested:
    """An order that callers contend for, as far as they know it."""

    order_id: str
    asked: int = 0
    version: int = 0


class Requests:
    """Thinks of commands on the orders of one round. The random source decides all of them."""

    def __init__(self, random: Random, name: str) -> None:
        self._random, self._name = random, name
        self._known: dict[str, Contested] = {}
        self._open = [self._begin() for _ in range(CONTESTED)]

    def learn(self, order_id: str, version: int) -> None:
        """Take in what a receipt says of an order."""
        known = self._known[order_id]
        known.version = max(known.version, version)

    def next(self) -> Request:
        """Return a new command, with a request id."""
        contested = self._random.choice(self._open)
        contested.asked += 1
        if contested.asked >= LIFE:
            self._open.remove(contested)
            self._open.append(self._begin())
        request = self._verb(contested)(self._random, contested.order_id)
        request.request_id = f"{contested.order_id}/{contested.asked}"
        if self._random.random() < 0.25:
            # Mostly what is newest, so that it is refused where somebody else was faster.
            request.expected_version = max(0, contested.version - (self._random.random() < 0.1))
        return request

    def _begin(self) -> Contested:
        begun = Contested(f"{self._name}-{len(self._known) + 1}")
        self._known[begun.order_id] = begun
        return begun

    def _verb(self, contested: Contested) -> "Verb":
        if contested.asked <= 4:
            return place
        verbs = YOUNG if contested.asked < LIFE // 2 else OLD
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
