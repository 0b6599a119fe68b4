"""Plain Python arguments to the requests of the history service. Conditions that are given must all hold.

Times are datetimes with a time zone, days are dates; None is as good as not given. `at_least_as_fresh` holds
consistency tokens of receipts: the answer includes their facts, and waits for them.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, TypedDict, TypeVar

from ordertrail.v1.order_events_pb2 import OrderEventType
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    ListOrderEventsRequest,
    ListOrdersRequest,
    StreamOrderEventsRequest,
)
from ordertrail.v1.order_status_pb2 import OrderStatus
from ordertrail.values import day, moment

__all__ = ["EventConditions", "OrderConditions", "OrderPoint", "StreamConditions", "ask"]

Request = TypeVar("Request", GetOrderRequest, ListOrdersRequest, ListOrderEventsRequest, StreamOrderEventsRequest)


class OrderPoint(TypedDict, total=False):
    """Which point of an order's past to look at: at most one of version, record time and token; none, now."""

    version: int | None
    record_time: datetime | None
    token: str | None
    at_least_as_fresh: Iterable[str]


class OrderConditions(TypedDict, total=False):
    """Which orders to list; `created` is when they were first recorded, `delivery` the day expected."""

    customer_id: str | None
    statuses: "Iterable[OrderStatus.ValueType]"
    product_id: str | None
    source_reference: str | None
    created_from: datetime | None
    created_before: datetime | None
    delivery_from: date | None
    delivery_before: date | None
    page_size: int
    at_least_as_fresh: Iterable[str]


class EventConditions(TypedDict, total=False):
    """Whose events to list: those of one order, or of all orders of one customer; one of the two."""

    order_id: str | None
    customer_id: str | None
    product_id: str | None
    page_size: int
    at_least_as_fresh: Iterable[str]


class StreamConditions(TypedDict, total=False):
    """Which events to stream, from the beginning, or from one of a resume token and now.

    `follow` goes on with new events as they are recorded.
    """

    order_id: str | None
    customer_id: str | None
    product_id: str | None
    event_types: "Iterable[OrderEventType.ValueType]"
    recorded_from: datetime | None
    recorded_before: datetime | None
    resume_token: str | None
    now: bool
    follow: bool
    max_events_per_frame: int
    at_least_as_fresh: Iterable[str]


def ask(request: Request, conditions: Mapping[str, object]) -> Request:
    """Return the request with the conditions added. Raises TypeError where one is unknown or two exclude each other."""
    given_conditions: dict[str, Any] = {
        name: value for name, value in conditions.items() if value is not None and value is not False
    }
    _check(request, given_conditions)
    request.MergeFrom(type(request)(**{name: _as_message(value) for name, value in given_conditions.items()}))
    return request


def _check(request: Request, given_conditions: Mapping[str, Any]) -> None:
    unknown = given_conditions.keys() - request.DESCRIPTOR.fields_by_name.keys()
    if unknown:
        raise TypeError(f"There is no condition {', '.join(sorted(unknown))}.")
    for choice in request.DESCRIPTOR.oneofs:
        excluding = [field.name for field in choice.fields if field.name in given_conditions]
        if len(excluding) > 1:
            raise TypeError(f"Give one of {', '.join(excluding)}, not more.")


def _as_message(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    return day(value) if isinstance(value, date) else value
