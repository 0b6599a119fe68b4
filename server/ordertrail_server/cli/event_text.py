"""Text of events for people: table rows and lines."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ordertrail_server.cli.value_text import day_text, escape, money_text, time_text

if TYPE_CHECKING:
    from ordertrail.v1.history_event_pb2 import HistoryEvent
    from ordertrail.v1.order_events_pb2 import OrderedLine, OrderPlaced, OrderShipped

HEADINGS = ("Recorded", "Order", "Version", "Event", "What")


def event_row(event: "HistoryEvent") -> tuple[str, str, str, str, str]:
    """Return an event as a row under HEADINGS."""
    return (
        time_text(event.record_time),
        event.order_id,
        str(event.order_version),
        event_name(event),
        describe_details(event),
    )


def event_line(event: "HistoryEvent") -> str:
    """Return an event as one line, for output that never ends."""
    return text_line(event, event_name(event), describe_details(event))


def text_line(record: "HistoryEvent", name: str, text: str) -> str:
    """Return one line of a record's envelope, a name, and a text without unprintable characters."""
    recorded, order_id = time_text(record.record_time), escape(record.order_id)
    return f"{recorded}  {order_id}  {record.order_version:>3}  {name:<26} {text}".rstrip()


def event_name(event: "HistoryEvent") -> str:
    """Return the name of the event's type in words, such as `order placed`."""
    return (event.WhichOneof("event") or "unknown to this release").replace("_", " ")


def describe_details(event: "HistoryEvent") -> str:
    """Return the content of the event beside its name."""
    case = event.WhichOneof("event")
    describe = DETAILS.get(case or "")
    return escape(describe(getattr(event, case))) if case and describe else ""


def _describe_placed(event: "OrderPlaced") -> str:
    text = f"{event.customer_id or 'no customer'}: {', '.join(_describe_line(line) for line in event.lines)}"
    if event.HasField("expected_delivery_date"):
        text += f"; for {day_text(event.expected_delivery_date)}"
    return text


def _describe_line(line: "OrderedLine") -> str:
    text = f"{line.quantity} × {line.product_id}"
    return f"{text} at {money_text(line.unit_price)}" if line.HasField("unit_price") else text


def _describe_shipped(event: "OrderShipped") -> str:
    return ", ".join(f"{line.quantity} × {line.product_id}" for line in event.lines)


DETAILS: dict[str, Callable[[Any], str]] = {
    "order_placed": _describe_placed,
    "order_line_added": lambda event: _describe_line(event.line),
    "order_line_quantity_changed": lambda event: f"{event.quantity} × {event.product_id}",
    "order_line_removed": lambda event: str(event.product_id),
    "order_delivery_rescheduled": lambda event: f"for {day_text(event.expected_delivery_date)}",
    "order_shipped": _describe_shipped,
    "order_cancelled": lambda event: str(event.reason),
    "order_returned": lambda event: str(event.reason),
}
