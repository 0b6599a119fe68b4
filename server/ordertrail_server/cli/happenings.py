"""Events in a few words, for people."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ordertrail_server.cli.printing import day_text, money_text, plain, time_text

if TYPE_CHECKING:
    from ordertrail.v1.history_event_pb2 import HistoryEvent
    from ordertrail.v1.order_events_pb2 import OrderedLine, OrderPlaced, OrderShipped

HEADINGS = ("Recorded", "Order", "Version", "Event", "What")


def row(event: "HistoryEvent") -> tuple[str, str, str, str, str]:
    """Return an event as a row under HEADINGS."""
    return (time_text(event.record_time), event.order_id, str(event.order_version), kind(event), what(event))


def line(event: "HistoryEvent") -> str:
    """Return an event as one line, for output that never ends."""
    recorded, order_id, version, happened, said = row(event)
    return f"{recorded}  {plain(order_id)}  {version:>3}  {happened:<26} {said}".rstrip()


def kind(event: "HistoryEvent") -> str:
    """Return the event's name in words, such as `order placed`."""
    return (event.WhichOneof("event") or "unknown to this release").replace("_", " ")


def what(event: "HistoryEvent") -> str:
    """Return what the event says beside its name."""
    case = event.WhichOneof("event")
    say = SAYINGS.get(case or "")
    return plain(say(getattr(event, case))) if case and say else ""


def _placed(event: "OrderPlaced") -> str:
    said = f"{event.customer_id or 'no customer'}: {', '.join(_line(each) for each in event.lines)}"
    if event.HasField("expected_delivery_date"):
        said += f"; for {day_text(event.expected_delivery_date)}"
    return said


def _line(each: "OrderedLine") -> str:
    said = f"{each.quantity} × {each.product_id}"
    return f"{said} at {money_text(each.unit_price)}" if each.HasField("unit_price") else said


def _shipped(event: "OrderShipped") -> str:
    return ", ".join(f"{each.quantity} × {each.product_id}" for each in event.lines)


SAYINGS: dict[str, Callable[[Any], str]] = {
    "order_placed": _placed,
    "order_line_added": lambda event: _line(event.line),
    "order_line_quantity_changed": lambda event: f"{event.quantity} × {event.product_id}",
    "order_line_removed": lambda event: str(event.product_id),
    "order_delivery_rescheduled": lambda event: f"for {day_text(event.expected_delivery_date)}",
    "order_shipped": _shipped,
    "order_cancelled": lambda event: str(event.reason),
    "order_returned": lambda event: str(event.reason),
}
