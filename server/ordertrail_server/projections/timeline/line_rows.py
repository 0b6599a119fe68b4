"""The rows of the table `line_changes`."""

from collections.abc import Iterable
from typing import Any

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order, OrderLine
from ordertrail_server.orders.products import products_named
from ordertrail_server.projections.timeline.column_text import amount_text

LineRow = tuple[Any, ...]


def line_rows(event: HistoryEvent, order: Order, order_no: int) -> list[LineRow]:
    """Return the rows of a fact: all lines of each product that it names, or that none is left."""
    version = order.version
    if version == 1:  # it names all products
        return _rows_of_lines(order.lines[:], order_no, version)
    products = set(products_named(event))
    if not products:
        return []
    lines = [line for line in order.lines[:] if line.product_id in products]
    rows = _rows_of_lines(lines, order_no, version)
    absent = products - {row[1] for row in rows}
    return rows + [(order_no, product_id, version, 0, None, None, None, None) for product_id in absent]


def _rows_of_lines(lines: Iterable[OrderLine], order_no: int, version: int) -> list[LineRow]:
    rows: list[LineRow] = []
    line_counts: dict[str, int] = {}
    for line in lines:
        product_id = line.product_id
        line_no = line_counts.get(product_id, 0)
        line_counts[product_id] = line_no + 1
        price, currency = None, None
        if line.HasField("unit_price"):
            money = line.unit_price
            price, currency = amount_text(money.units, money.nanos), money.currency_code
        rows.append((order_no, product_id, version, line_no, line.quantity, line.shipped_quantity, price, currency))
    return rows
