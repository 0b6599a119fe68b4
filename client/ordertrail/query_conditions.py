"""The conditions of queries as plain Python arguments. An order or event must meet all of them.

A time is a datetime with a time zone, or a Timestamp, which has nanoseconds. A day is a date. None means no condition.
`at_least_as_fresh` holds consistency tokens of receipts: the server waits until its answer includes their facts.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, TypedDict, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1.order_events_pb2 import OrderEventType
from ordertrail.v1.order_history_service_pb2 import (
    DiffOrdersRequest,
    EventOrder,
    GetOrderRequest,
    ListOrderEventsRequest,
    ListOrdersRequest,
    ListProductTotalsRequest,
    StreamOrderEventsRequest,
)
from ordertrail.v1.order_status_pb2 import OrderStatus
from ordertrail.values import day, moment

__all__ = [
    "DiffConditions",
    "EventConditions",
    "OrderConditions",
    "OrderPoint",
    "ProductTotalConditions",
    "StreamConditions",
    "add_conditions",
]

Request = TypeVar(
    "Request",
    DiffOrdersRequest,
    GetOrderRequest,
    ListOrdersRequest,
    ListOrderEventsRequest,
    ListProductTotalsRequest,
    StreamOrderEventsRequest,
)


class OrderPoint(TypedDict, total=False):
    """The point in an order's history: at most one of version, record time and token. Without any, the present."""

    version: int | None
    record_time: datetime | Timestamp | None
    token: str | None
    at_least_as_fresh: Iterable[str]


class OrderConditions(TypedDict, total=False):
    """The orders to list. `created` is the time of their first record, `delivery` the expected delivery date.

    They are listed as they were at `record_time` or `token` (at most one of the two), or as they are.
    """

    customer_id: str | None
    statuses: "Iterable[OrderStatus.ValueType]"
    product_id: str | None
    source_reference: str | None
    created_from: datetime | None
    created_before: datetime | None
    delivery_from: date | None
    delivery_before: date | None
    record_time: datetime | Timestamp | None
    token: str | None
    page_size: int
    at_least_as_fresh: Iterable[str]


class EventConditions(TypedDict, total=False):
    """The events to list: those of one order, or of all orders of one customer. Give exactly one of the two.

    With `order_by=EVENT_ORDER_POSITION_DESCENDING` the newest event of an order comes first.
    """

    order_id: str | None
    customer_id: str | None
    product_id: str | None
    event_types: "Iterable[OrderEventType.ValueType]"
    recorded_from: datetime | Timestamp | None
    recorded_before: datetime | Timestamp | None
    order_by: "EventOrder.ValueType"
    page_size: int
    at_least_as_fresh: Iterable[str]


class DiffConditions(TypedDict, total=False):
    """The orders to compare, and the two moments: one of `recorded_from` and `from_token` is required.

    Without `recorded_before` and `until_token` the second moment is the present.
    """

    customer_id: str | None
    recorded_from: datetime | Timestamp | None
    from_token: str | None
    recorded_before: datetime | Timestamp | None
    until_token: str | None
    at_least_as_fresh: Iterable[str]


class ProductTotalConditions(TypedDict, total=False):
    """The totals to list: of one product, or of all; from the day `day_from` on, and before the day `day_before`."""

    product_id: str | None
    day_from: date | None
    day_before: date | None
    page_size: int
    at_least_as_fresh: Iterable[str]


class StreamConditions(TypedDict, total=False):
    """The events to stream: from the beginning of the log, after a resume token, or from now on.

    With `follow` the stream continues with new events when they are recorded.
    """

    order_id: str | None
    customer_id: str | None
    product_id: str | None
    event_types: "Iterable[OrderEventType.ValueType]"
    recorded_from: datetime | Timestamp | None
    recorded_before: datetime | Timestamp | None
    resume_token: str | None
    now: bool
    follow: bool
    max_events_per_frame: int
    at_least_as_fresh: Iterable[str]


def add_conditions(request: Request, conditions: Mapping[str, object]) -> Request:
    """Add conditions to a request and return it. Raises TypeError if one is unknown or two exclude each other."""
    set_conditions: dict[str, Any] = {
        name: value for name, value in conditions.items() if value is not None and value is not False
    }
    _check(request, set_conditions)
    request.MergeFrom(type(request)(**{name: _as_message(value) for name, value in set_conditions.items()}))
    return request


def _check(request: Request, set_conditions: Mapping[str, Any]) -> None:
    unknown = set_conditions.keys() - request.DESCRIPTOR.fields_by_name.keys()
    if unknown:
        raise TypeError(f"Unknown condition: {', '.join(sorted(unknown))}.")
    for choice in request.DESCRIPTOR.oneofs:
        exclusive_names = [field.name for field in choice.fields if field.name in set_conditions]
        if len(exclusive_names) > 1:
            raise TypeError(f"Give only one of {', '.join(exclusive_names)}.")


def _as_message(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    return day(value) if isinstance(value, date) else value
