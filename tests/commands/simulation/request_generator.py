"""Generates the requests of simulated callers: few orders and products, so that commands conflict."""

from collections.abc import Callable
from random import Random
from typing import Any

from ordertrail.v1 import commands_pb2 as commands
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderedLine, ShippedLine

PRODUCTS = ["apple", "pear", "plum"]
CUSTOMERS = ["shop-1", "shop-2"]


class RequestGenerator:
    """Generates new requests, retries of earlier ones, and requests that reuse a request id."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.orders: list[str] = []
        self._sent_requests: list[Any] = []

    def add_order(self, order_id: str) -> None:
        """Add an order id that callers know: one of their own, or one from an answer."""
        if order_id not in self.orders:
            self.orders.append(order_id)

    def next_request(self) -> Any:
        """Return a new request, a retry, or a new request with a request id that was used before."""
        roll = self._random.random()
        if self._sent_requests and roll < 0.35:
            request = self._create_retry(self._random.choice(self._sent_requests[-6:]))
        else:
            request = self._create_request()
            if self._sent_requests and roll < 0.42:
                request.request_id = self._random.choice(self._sent_requests[-6:]).request_id
        if request.request_id:
            self._sent_requests.append(request)
        return self._copy(request)

    def _create_retry(self, original: Any) -> Any:
        request = self._copy(original)
        # A retry may differ in these two, because they do not belong to the command.
        if self._random.random() < 0.1:
            self._set_expected_version(request)
        if self._random.random() < 0.1:
            request.validate_only = not request.validate_only
        return request

    @staticmethod
    def _copy(request: Any) -> Any:
        copy = type(request)()
        copy.CopyFrom(request)
        return copy

    def _create_request(self) -> Any:
        names: list[str] = list(_VERBS)
        [name] = self._random.choices(names, [_VERBS[name][0] for name in names])
        if len(self.orders) < 2 and self._random.random() < 0.6:
            name = "place"
        request = _VERBS[name][1](self._random)
        request.request_id = f"request-{len(self._sent_requests)}-{self._random.randrange(1000)}"
        request.order_id = self._random.choice(self.orders[-2:] or ["order-1"])
        if name == "place":
            self._leave_out_ids(request)
        if self._random.random() < 0.25 and (name != "place" or self._random.random() < 0.3):
            self._set_expected_version(request)
        request.validate_only = self._random.random() < 0.1
        return request

    def _leave_out_ids(self, request: Any) -> None:
        roll = self._random.random()
        if roll < 0.4:
            request.order_id = ""
        elif roll < 0.6:
            request.order_id = f"order-{len(self.orders) + 1}"
        if roll < 0.1:
            request.request_id = ""

    def _set_expected_version(self, request: Any) -> None:
        request.expected_version = self._random.randint(0, 4)


def _line(random: Random) -> OrderedLine:
    price = Money(currency_code="EUR", units=random.randint(1, 3))
    return OrderedLine(product_id=random.choice(PRODUCTS), quantity=random.randint(1, 3), unit_price=price)


def _day(random: Random) -> Date:
    return Date(year=2030, month=1, day=random.randint(1, 3))


def _shipment(random: Random) -> list[ShippedLine]:
    return [ShippedLine(product_id=random.choice(PRODUCTS), quantity=1)] if random.random() < 0.7 else []


_VERBS: dict[str, tuple[int, Callable[[Random], Any]]] = {
    "place": (5, lambda r: commands.PlaceOrderRequest(customer_id=r.choice(CUSTOMERS), lines=[_line(r)])),
    "add": (4, lambda r: commands.AddOrderLineRequest(line=_line(r))),
    "change": (
        6,
        lambda r: commands.ChangeOrderLineQuantityRequest(product_id=r.choice(PRODUCTS), quantity=r.randint(1, 3)),
    ),
    "remove": (3, lambda r: commands.RemoveOrderLineRequest(product_id=r.choice(PRODUCTS))),
    "reschedule": (6, lambda r: commands.RescheduleDeliveryRequest(expected_delivery_date=_day(r))),
    "confirm": (2, lambda r: commands.ConfirmOrderRequest()),
    "ship": (4, lambda r: commands.ShipOrderRequest(lines=_shipment(r))),
    "deliver": (1, lambda r: commands.DeliverOrderRequest()),
    "cancel": (1, lambda r: commands.CancelOrderRequest(reason=r.choice(["late", "dear"]))),
    "return": (1, lambda r: commands.ReturnOrderRequest()),
}
