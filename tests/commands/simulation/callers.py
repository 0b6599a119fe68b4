"""What the simulated callers say: few orders and products, so that their commands meet."""

from asyncio import Future
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from random import Random
from typing import Any

from ordertrail.v1 import commands_pb2 as commands
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderedLine, ShippedLine
from ordertrail_server.commands.attempt import Answer, Attempt

PRODUCTS = ["apple", "pear", "plum"]
CUSTOMERS = ["shop-1", "shop-2"]


@dataclass(eq=False, repr=False)
class Call:
    """One call of one caller: what was asked, and the log's ends when it was made and when it was answered."""

    number: int
    server: int
    request: Any
    attempt: Attempt
    since: int
    until: int = -1

    def __repr__(self) -> str:
        asked = f"{type(self.request).__name__}({self.attempt.order_id}, {self.attempt.request_id})"
        return f"call {self.number} of server {self.server}, {asked}, [{self.since}, {self.until}], {self.answer}"

    @property
    def waits(self) -> bool:
        return not self.attempt.answer.done()

    def give_up(self) -> None:
        """The caller goes: by its own time-out, or because its server crashed."""
        self.attempt.answer.cancel()

    @property
    def actor(self) -> str:
        """The name under which the call's records are known."""
        return f"call-{self.number}"

    @property
    def named(self) -> Hashable:
        """What the caller means by one command: calls that share it are retries, or reuse its request id."""
        if not self.request.order_id and self.request.request_id:
            return self.request.customer_id, self.request.request_id
        return "order", self.attempt.order_id, self.attempt.request_id

    @property
    def answer(self) -> Answer | None:
        """The answer, None while there is none or when the caller has gone."""
        future: Future[Answer] = self.attempt.answer
        return future.result() if future.done() and not future.cancelled() else None


class Callers:
    """Think of commands, and say some again."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.orders: list[str] = []
        self._said: list[Any] = []

    def learn(self, order_id: str) -> None:
        """Know an order from now on; an id that a server makes up is known only when it is told."""
        if order_id not in self.orders:
            self.orders.append(order_id)

    def next_request(self) -> Any:
        """Return a request: a new one, a retry, or one under a request id that was used before."""
        roll = self._random.random()
        if self._said and roll < 0.35:
            request = self._again(self._random.choice(self._said[-6:]))
        else:
            request = self._new()
            if self._said and roll < 0.42:
                request.request_id = self._random.choice(self._said[-6:]).request_id
        if request.request_id:
            self._said.append(request)
        return self._copy(request)

    def _again(self, said: Any) -> Any:
        request = self._copy(said)
        # Neither belongs to the command, so a retry may differ in them.
        if self._random.random() < 0.1:
            self._expect(request)
        if self._random.random() < 0.1:
            request.validate_only = not request.validate_only
        return request

    @staticmethod
    def _copy(request: Any) -> Any:
        copy = type(request)()
        copy.CopyFrom(request)
        return copy

    def _new(self) -> Any:
        names: list[str] = list(_VERBS)
        [name] = self._random.choices(names, [_VERBS[name][0] for name in names])
        if len(self.orders) < 2 and self._random.random() < 0.6:
            name = "place"
        request = _VERBS[name][1](self._random)
        request.request_id = f"request-{len(self._said)}-{self._random.randrange(1000)}"
        request.order_id = self._random.choice(self.orders[-2:] or ["order-1"])
        if name == "place":
            self._leave_out_ids(request)
        if self._random.random() < 0.25 and (name != "place" or self._random.random() < 0.3):
            self._expect(request)
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

    def _expect(self, request: Any) -> None:
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
