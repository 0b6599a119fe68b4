"""The rows of the projection `orders` by which two generations are compared: with ids, because numbers may differ."""

from ordertrail_server.projections.orders.tables import HEAD_OF_ORDER

QUERIES = {
    "orders": f"""SELECT order_id, version, {HEAD_OF_ORDER}, parked, status, delivery_date, state, customer_id,
        source_reference, created FROM orders o ORDER BY order_id""",
    "order_products": """SELECT o.order_id, p.product_id FROM order_products p JOIN orders o ON o.order_no = p.order_no
        ORDER BY 1, 2""",
    "links": """SELECT o.order_id, l.version, l."offset", l.digest, l.request, l.command, l.time, l.is_refusal
        FROM links l JOIN orders o ON o.order_no = l.order_no ORDER BY 1, 2, 3""",
    "snapshots": """SELECT o.order_id, s.version, s.state FROM snapshots s JOIN orders o ON o.order_no = s.order_no
        ORDER BY 1, 2""",
}
