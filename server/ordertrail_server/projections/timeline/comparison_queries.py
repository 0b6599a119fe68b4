"""The rows of the projection `timeline` by which two generations are compared: with ids, which people know."""

QUERIES = {
    "placed_orders": """SELECT order_id, order_no, customer_id, source_reference, placed_at FROM placed_orders
        ORDER BY order_id""",
    "order_changes": """SELECT o.order_id, c.* FROM placed_orders o JOIN order_changes c ON c.order_no = o.order_no
        ORDER BY o.order_id, c.version""",
    "line_changes": """SELECT o.order_id, l.* FROM placed_orders o JOIN line_changes l ON l.order_no = o.order_no
        ORDER BY o.order_id, l.product_id, l.version, l.line_no""",
}
