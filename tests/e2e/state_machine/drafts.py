"""Random commands, as hypothesis draws them: without ids and versions, which only a run knows."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from ordertrail.v1 import commands_pb2 as messages
from ordertrail.values import day, line, shipped

ORDERS = 3
"""The number of orders that get commands at a time."""

NUMBERS = st.integers(0, ORDERS - 1)
IS_FITTING = st.sampled_from((True, True, True, True, False))
"""Whether a command is one that the order's status allows. Otherwise it is any command."""

STALENESS = st.sampled_from((*[None] * 10, 0, 0, -1, 1))
"""How far the expected version of a command is from the present one. None: it expects no version."""

_PRODUCTS, _QUANTITIES = st.sampled_from(("apple", "pear", "plum")), st.integers(1, 4)
_DAYS = st.builds(day, st.dates(date(2031, 1, 1), date(2031, 1, 3)))


def _build_lines(currency: str) -> st.SearchStrategy[Any]:
    return st.builds(line, _PRODUCTS, _QUANTITIES, st.sampled_from(("2.50", "0.000000001")), st.just(currency))


_LINES = st.lists(_build_lines("EUR"), min_size=1, max_size=3, unique_by=lambda ordered: ordered.product_id)
_SHIPPED = st.lists(st.builds(shipped, _PRODUCTS, _QUANTITIES), max_size=2, unique_by=lambda part: part.product_id)

PLACE = st.builds(messages.PlaceOrderRequest, lines=_LINES)
_ADD = st.builds(messages.AddOrderLineRequest, line=_build_lines("EUR") | _build_lines("USD"))
_CHANGE = st.builds(messages.ChangeOrderLineQuantityRequest, product_id=_PRODUCTS, quantity=_QUANTITIES)
_REMOVE = st.builds(messages.RemoveOrderLineRequest, product_id=_PRODUCTS)
_RESCHEDULE = st.builds(messages.RescheduleDeliveryRequest, expected_delivery_date=_DAYS)
_CONFIRM, _DELIVER = st.builds(messages.ConfirmOrderRequest), st.builds(messages.DeliverOrderRequest)
_SHIP = st.builds(messages.ShipOrderRequest, lines=_SHIPPED)
_CANCEL = st.builds(messages.CancelOrderRequest, reason=st.none() | st.just("late"))
_RETURN = st.builds(messages.ReturnOrderRequest, reason=st.none() | st.just("broken"))

REQUESTS: st.SearchStrategy[Any] = st.one_of(
    PLACE, _ADD, _CHANGE, _REMOVE, _RESCHEDULE, _CONFIRM, _SHIP, _DELIVER, _CANCEL, _RETURN
)

FITTING_REQUESTS: dict[str, st.SearchStrategy[Any]] = {
    "": PLACE,
    "PLACED": _ADD | _CHANGE | _REMOVE | _RESCHEDULE | _CONFIRM,
    "CONFIRMED": _RESCHEDULE | _SHIP | _CANCEL,
    "PARTLY_SHIPPED": _RESCHEDULE | _SHIP,
    "SHIPPED": _DELIVER | _RETURN,
    "DELIVERED": _RETURN,
}
"""Commands that the status of an order allows; "" if there is no order. Other statuses are final."""
