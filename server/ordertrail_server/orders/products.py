"""Which products an event names: what a product filter goes by."""

from ordertrail.v1.history_event_pb2 import HistoryEvent

_WITH_LINES = frozenset({"order_placed", "order_shipped"})
_WITH_PRODUCT = frozenset({"order_line_quantity_changed", "order_line_removed"})


def products_named(happened: HistoryEvent) -> list[str]:
    """Return the products that the event names itself, each once, in its order.

    An event about the whole order (confirmed, delivered, ...) names none, though it concerns all its products.
    """
    kind = happened.WhichOneof("event")
    if kind in _WITH_LINES:
        lines = happened.order_placed.lines if kind == "order_placed" else happened.order_shipped.lines
        return list(dict.fromkeys([line.product_id for line in lines]))
    if kind == "order_line_added":
        return [happened.order_line_added.line.product_id]
    if kind in _WITH_PRODUCT:
        return [getattr(happened, kind).product_id]
    return []
