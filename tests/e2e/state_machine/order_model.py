"""A small model of one order: what each command leads to, written from docs/order-rules.md alone."""

from typing import Any, NamedTuple

from ordertrail.commands import Request
from ordertrail.v1.commands_pb2 import PlaceOrderRequest, ShipOrderRequest
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.order_status_pb2 import OrderStatus

NANOS = 1_000_000_000

# For each verb on an order that exists: the statuses in which it is allowed, and the one in which it changes nothing.
ALLOWED = {
    "AddOrderLine": (("PLACED",), None),
    "ChangeOrderLineQuantity": (("PLACED",), None),
    "RemoveOrderLine": (("PLACED",), None),
    "RescheduleDelivery": (("PLACED", "CONFIRMED", "PARTLY_SHIPPED"), None),
    "ConfirmOrder": (("PLACED",), "CONFIRMED"),
    "ShipOrder": (("CONFIRMED", "PARTLY_SHIPPED"), "SHIPPED"),
    "DeliverOrder": (("SHIPPED",), "DELIVERED"),
    "CancelOrder": (("PLACED", "CONFIRMED"), "CANCELLED"),
    "ReturnOrder": (("SHIPPED", "DELIVERED"), "RETURNED"),
}
NEXT_STATUS = {
    "ConfirmOrder": "CONFIRMED",
    "DeliverOrder": "DELIVERED",
    "CancelOrder": "CANCELLED",
    "ReturnOrder": "RETURNED",
}


class Line(NamedTuple):
    """A line of an order. The price is in billionths."""

    product: str
    currency: str
    price: int
    quantity: int
    shipped: int = 0


class State(NamedTuple):
    """An order after its facts so far."""

    order_id: str
    customer: str
    status: str
    lines: tuple[Line, ...]
    day: tuple[int, int, int] | None
    version: int

    @property
    def total(self) -> int:
        return sum(line.price * line.quantity for line in self.lines)


def decide(state: State | None, request: Request) -> State | str:
    """Return the state after the command, or the reason of its refusal."""
    verb = type(request).__name__.removesuffix("Request")
    is_stale = request.HasField("expected_version") and request.expected_version != (state.version if state else 0)
    if isinstance(request, PlaceOrderRequest):
        if is_stale:
            return "VERSION_MISMATCH"
        return "ORDER_EXISTS" if state else _place(request)
    if state is None:
        return "ORDER_NOT_FOUND"
    if is_stale:
        return "VERSION_MISMATCH"
    allowed, done = ALLOWED[verb]
    if state.status not in allowed:
        ships_again = isinstance(request, ShipOrderRequest) and len(request.lines) > 0
        return "NOTHING_CHANGES" if state.status == done and not ships_again else "STATUS_FORBIDS"
    after = _DECIDE[verb](state, request) if verb in _DECIDE else state._replace(status=NEXT_STATUS[verb])
    return after if isinstance(after, str) else after._replace(version=state.version + 1)


def read_state(order: Order) -> State:
    """Return the state that an answer shows. Fails if its totals are not those of its lines."""
    lines = tuple(
        Line(
            line.product_id,
            line.unit_price.currency_code,
            _nanos(line.unit_price),
            line.quantity,
            line.shipped_quantity,
        )
        for line in order.lines
    )
    day = _read_day(order.expected_delivery_date) if order.HasField("expected_delivery_date") else None
    status = OrderStatus.Name(order.status).removeprefix("ORDER_STATUS_")
    state = State(order.order_id, order.customer_id, status, lines, day, order.version)
    assert (order.total_quantity, _nanos(order.total_amount)) == (sum(line.quantity for line in lines), state.total)
    return state


def _place(request: PlaceOrderRequest) -> State:
    lines = tuple(_read_line(line) for line in request.lines)
    return State(request.order_id, request.customer_id, "PLACED", lines, None, 1)


def _add(state: State, request: Any) -> State | str:
    line = _read_line(request.line)
    if _find(state, line.product):
        return "PRODUCT_ALREADY_ORDERED"
    if line.currency != state.lines[0].currency:
        return "CURRENCY_DIFFERS"
    return state._replace(lines=(*state.lines, line))


def _change(state: State, request: Any) -> State | str:
    line = _find(state, request.product_id)
    if line is None:
        return "PRODUCT_NOT_ORDERED"
    if line.quantity == request.quantity:
        return "NOTHING_CHANGES"
    return _replace_lines(state, {line.product: line._replace(quantity=request.quantity)})


def _remove(state: State, request: Any) -> State | str:
    line = _find(state, request.product_id)
    if line is None:
        return "PRODUCT_NOT_ORDERED"
    return "LAST_LINE" if len(state.lines) == 1 else _replace_lines(state, {line.product: None})


def _reschedule(state: State, request: Any) -> State | str:
    day = _read_day(request.expected_delivery_date)
    return "NOTHING_CHANGES" if state.day == day else state._replace(day=day)


def _ship(state: State, request: Any) -> State | str:
    quantities = {line.product_id: line.quantity for line in request.lines}
    quantities = quantities or {line.product: line.quantity - line.shipped for line in state.lines}
    changes = dict[str, Line | None]()
    for product, quantity in quantities.items():
        line = _find(state, product)
        if line is None:
            return "PRODUCT_NOT_ORDERED"
        if quantity > line.quantity - line.shipped:
            return "MORE_THAN_ORDERED"
        changes[product] = line._replace(shipped=line.shipped + quantity)
    after = _replace_lines(state, changes)
    is_whole = all(line.shipped == line.quantity for line in after.lines)
    return after._replace(status="SHIPPED" if is_whole else "PARTLY_SHIPPED")


_DECIDE = {
    "AddOrderLine": _add,
    "ChangeOrderLineQuantity": _change,
    "RemoveOrderLine": _remove,
    "RescheduleDelivery": _reschedule,
    "ShipOrder": _ship,
}


def _find(state: State, product: str) -> Line | None:
    return next((line for line in state.lines if line.product == product), None)


def _replace_lines(state: State, changes: dict[str, Line | None]) -> State:
    lines = (changes.get(line.product, line) for line in state.lines)
    return state._replace(lines=tuple(line for line in lines if line is not None))


def _read_line(line: Any) -> Line:
    return Line(line.product_id, line.unit_price.currency_code, _nanos(line.unit_price), line.quantity)


def _read_day(date: Date) -> tuple[int, int, int]:
    return date.year, date.month, date.day


def _nanos(amount: Money) -> int:
    return amount.units * NANOS + amount.nanos
