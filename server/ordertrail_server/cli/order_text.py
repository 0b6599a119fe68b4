"""Text of orders for people: table rows."""

from typing import TYPE_CHECKING

from ordertrail_server.cli.value_text import day_text, money_text, time_text

if TYPE_CHECKING:
    from ordertrail.v1.order_pb2 import Order

HEADINGS = ("Created", "Order", "Version", "Customer", "Status", "Lines", "Quantity", "Total", "Delivery")
NUMBERS = ("Version", "Lines", "Quantity", "Total")
LINE_HEADINGS = ("Product", "Quantity", "Shipped", "Unit price")
LINE_NUMBERS = LINE_HEADINGS[1:]


def order_row(order: "Order") -> tuple[str, ...]:
    """Return an order as a row under HEADINGS."""
    return (
        time_text(order.create_time),
        order.order_id,
        str(order.version),
        order.customer_id if order.HasField("customer_id") else "-",
        status_text(order),
        str(len(order.lines)),
        str(order.total_quantity),
        money_text(order.total_amount) if order.HasField("total_amount") else "-",
        day_text(order.expected_delivery_date) if order.HasField("expected_delivery_date") else "-",
    )


def line_rows(order: "Order") -> list[tuple[str, ...]]:
    """Return the lines of an order as rows under LINE_HEADINGS."""
    return [
        (
            line.product_id,
            str(line.quantity),
            str(line.shipped_quantity),
            money_text(line.unit_price) if line.HasField("unit_price") else "-",
        )
        for line in order.lines
    ]


def status_text(order: "Order") -> str:
    """Return the status as the options take it, such as partly-shipped; `?` if it is unknown."""
    from ordertrail.v1.order_status_pb2 import OrderStatus

    is_known = order.status in OrderStatus.values()
    return OrderStatus.Name(order.status).removeprefix("ORDER_STATUS_").replace("_", "-").lower() if is_known else "?"
