"""Given-when-then for orders: given events, when a command is decided, then it leads to an event or a refusal."""

from dataclasses import dataclass
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderedLine, OrderPlaced, ShippedLine
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.orders.decide import Command, Event, decide
from ordertrail_server.orders.evolve import evolve
from ordertrail_server.orders.refusal import Refusal

ORDER = "order-1"

CASE_OF = {field.message_type: field.name for field in HistoryEvent.DESCRIPTOR.oneofs_by_name["event"].fields}


def history_event(event: Event, version: int, seconds: int | None = None) -> HistoryEvent:
    history = HistoryEvent(order_id=ORDER, order_version=version)
    history.record_time.CopyFrom(Timestamp(seconds=1_000 + version if seconds is None else seconds))
    field: Any = getattr(history, CASE_OF[event.DESCRIPTOR])
    field.SetInParent()
    field.MergeFrom(event)
    return history


def after(order: Order | None, event: Event) -> Order:
    return evolve(order, history_event(event, 1 if order is None else order.version + 1))


def fold_order(*events: Event) -> Order:
    order = None
    for event in events:
        order = after(order, event)
    assert order is not None
    return order


@dataclass
class Outcome:
    order: Order | None
    outcome: Event | Refusal

    def then(self, event: Event) -> Order:
        assert self.outcome == event
        return after(self.order, event)

    def refused(self, reason: str, where: str = "", **facts: str) -> Refusal:
        assert isinstance(self.outcome, Refusal), f"accepted: {self.outcome}"
        refusal_values = (ErrorReason.Name(self.outcome.reason), self.outcome.where, dict(self.outcome.facts))
        assert refusal_values == (f"ERROR_REASON_{reason}", where, facts)
        assert self.outcome.message.endswith(".")
        return self.outcome


@dataclass
class Given:
    order: Order | None

    def when(self, command: Command) -> Outcome:
        return Outcome(self.order, decide(self.order, command))


def given(*events: Event) -> Given:
    return Given(fold_order(*events) if events else None)


def build_money(units: int, nanos: int = 0, currency: str = "EUR") -> Money:
    return Money(currency_code=currency, units=units, nanos=nanos)


def line(product: str, quantity: int = 1, price: Money | None = None) -> OrderedLine:
    return OrderedLine(product_id=product, quantity=quantity, unit_price=price or build_money(10))


def unpriced(product: str, quantity: int = 1) -> OrderedLine:
    return OrderedLine(product_id=product, quantity=quantity)


def build_shipped(product: str, quantity: int) -> ShippedLine:
    return ShippedLine(product_id=product, quantity=quantity)


def build_placed(*lines: OrderedLine, day: Date | None = None) -> OrderPlaced:
    return OrderPlaced(customer_id="shop-1", lines=lines, expected_delivery_date=day)


def build_date(year: int, month: int, day_of_month: int) -> Date:
    return Date(year=year, month=month, day=day_of_month)
