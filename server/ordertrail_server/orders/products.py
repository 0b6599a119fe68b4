"""The products that an event names, by which product filters select events."""

from ordertrail.v1.history_event_pb2 import HistoryEvent

_WITH_LINES = frozenset({"order_placed", "order_shipped"})
_WITH_PRODUCT = frozenset({"order_line_quantity_changed", "order_line_removed"})


def products_named(event: HistoryEvent) -> list[str]:
    """Return the products that the event names, each once, in the event's sequence.

    An event about the whole order (confirmed, delivered, ...) names none.
    """
    kind = event.WhichOneof("event")
    if kind in _WITH_LINES:
        lines = event.order_placed.lines if kind == "order_placed" else event.order_shipped.lines
        return list(dict.fromkeys([line.product_id for line in lines[:]]))
    if kind == "order_line_added":
        return [event.order_line_added.line.product_id]
    if kind in _WITH_PRODUCT:
        return [getattr(event, kind).product_id]
    return []
