"""The queries that read the rows of an export in steps, up to a position of the log.

They are the views of the projection `timeline` with an end. A view would name a `valid_until` that lies beyond the end.
"""

from typing import NamedTuple

from ordertrail_server.log.position import OFFSET_BITS
from ordertrail_server.projections.timeline.tables import FOREVER
from ordertrail_server.storage.row_limit import NAMED_LIMIT


class TableQuery(NamedTuple):
    """Reads the rows of one partition in the order of their keys.

    The first columns of `sql` are the key of a row, and the first of these is the position of the row's order or event.
    `start` is the rest of a key, before all keys. The values are `k0`, `k1` … (the key before the first row), `offset`
    (the first offset that is left out), `end` (its position) and `limit`.
    """

    sql: str
    start: tuple[str | int, ...]


ORDER_VERSION_ROWS = TableQuery(
    f"""SELECT c.order_no, c.version,
    o.order_id, c.version, c.order_no >> {OFFSET_BITS}, c."offset", c.valid_from,
    coalesce((
        SELECT n.valid_from FROM order_changes n
        WHERE n.order_no = c.order_no AND n.version = c.version + 1 AND n."offset" < :offset
    ), '{FOREVER}'),
    c.status, o.customer_id, c.total_amount, c.currency, c.total_quantity, c.shipped_quantity, c.delivery_date,
    c.event_type, c.actor, c.request_id, o.source_reference
FROM order_changes c CROSS JOIN placed_orders o ON o.order_no = c.order_no
WHERE (c.order_no, c.version) > (:k0, :k1) AND c.order_no < :end AND c."offset" < :offset
ORDER BY c.order_no, c.version {NAMED_LIMIT}""",
    (0,),
)
LINE_VERSION_ROWS = TableQuery(
    f"""SELECT l.order_no, l.product_id, l.version, l.line_no,
    o.order_id, l.product_id, l.version, c.valid_from,
    coalesce((
        SELECT n.valid_from FROM order_changes n
        WHERE n.order_no = l.order_no AND n."offset" < :offset AND n.version = (
            SELECT min(m.version) FROM line_changes m
            WHERE m.order_no = l.order_no AND m.product_id = l.product_id AND m.version > l.version
        )
    ), '{FOREVER}'),
    l.quantity, l.shipped_quantity, l.unit_price, l.currency
FROM line_changes l
CROSS JOIN placed_orders o ON o.order_no = l.order_no
CROSS JOIN order_changes c ON c.order_no = l.order_no AND c.version = l.version
WHERE (l.order_no, l.product_id, l.version, l.line_no) > (:k0, :k1, :k2, :k3) AND l.order_no < :end
    AND c."offset" < :offset AND l.quantity IS NOT NULL
ORDER BY l.order_no, l.product_id, l.version, l.line_no {NAMED_LIMIT}""",
    ("", 0, 0),
)
EVENT_ROWS = TableQuery(
    f"""SELECT position, position, customer_id, record_time, frame FROM events
WHERE position > :k0 AND position < :end ORDER BY position {NAMED_LIMIT}""",
    (),
)
