"""The filter of orders as of a moment, as SQL over the projection `timeline`: every value bound, the index chosen here.

A unary plus prevents SQLite from using another index than the intended one.
"""

from dataclasses import dataclass
from json import dumps

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.order_history_service_pb2 import ListOrdersRequest
from ordertrail.v1.position_pb2 import PageTokenContents
from ordertrail_server.access.scope import Scope
from ordertrail_server.history.day_bound import day_text, require_real_day
from ordertrail_server.history.scope_condition import scope_condition, scope_values
from ordertrail_server.history.tokens import Moment
from ordertrail_server.log.position import OFFSET_BITS, OFFSETS
from ordertrail_server.orders.order_refusal import status_word
from ordertrail_server.orders.time_text import time_text
from ordertrail_server.orders.times import LAST_NANOSECOND, nanoseconds
from ordertrail_server.storage.row_limit import LAST_LIMIT, NAMED_LIMIT

Value = str | int

# `v` is the version of the order `o` at the moment.
_PATHS = {
    "source_reference": ("placed_orders o", "o.source_reference = :source_reference"),
    "customer_id": ("placed_orders o", "o.customer_id = :customer_id"),
    "product_id": (
        "(SELECT DISTINCT order_no FROM line_changes WHERE product_id = :product_id) n"
        " CROSS JOIN placed_orders o ON o.order_no = n.order_no",
        "TRUE",
    ),
    "": ("placed_orders o", "TRUE"),
}
_CONDITIONS = {
    "source_reference": "+o.source_reference = :source_reference",
    "customer_id": "+o.customer_id = :customer_id",
    "created_from": "o.placed_at >= :created_from",
    "created_before": "o.placed_at < :created_before",
    "created_until": "o.placed_at <= :created_until",
    "delivery_from": "+v.delivery_date >= :delivery_from",
    "delivery_before": "+v.delivery_date < :delivery_before",
    "last_created": "(o.placed_at, o.order_id) < (:last_created, :last_order_id)",
}
_HAS_LINE = """EXISTS (SELECT 1 FROM line_changes l
WHERE l.order_no = o.order_no AND l.product_id = :product_id AND l.quantity IS NOT NULL AND l.version = (
SELECT max(m.version) FROM line_changes m
WHERE m.order_no = o.order_no AND m.product_id = :product_id AND m.version <= v.version))"""

# order_no is the packed position of the order's first fact.
_END = f"json_extract(:offsets, '$[' || (o.order_no >> {OFFSET_BITS}) || ']')"
_EXISTED = f"(o.order_no & {OFFSETS - 1}) < {_END}"
_IS_INCLUDED = f't.valid_from <= :moment AND t."offset" < {_END}'

# Within an order, time and offset grow with the version. So a binary search finds its last version that is included,
# however many it has.
_VERSION = f"""(WITH RECURSIVE search(low, high, middle) AS (
SELECT 1, max(version) + 1, max(version) FROM order_changes WHERE order_no = o.order_no
UNION ALL SELECT iif({_IS_INCLUDED}, middle, low), iif({_IS_INCLUDED}, high, middle),
iif({_IS_INCLUDED}, middle + high, low + middle) / 2
FROM search CROSS JOIN order_changes t ON t.order_no = o.order_no AND t.version = middle WHERE high - low > 1
) SELECT max(low) FROM search)"""
PAST_COUNTS = {
    "customer_id": f"SELECT count(*) FROM (SELECT 1 FROM placed_orders WHERE customer_id = ? {LAST_LIMIT})",
    "product_id": f"SELECT count(*) FROM (SELECT 1 FROM line_changes WHERE product_id = ? {LAST_LIMIT})",
}


@dataclass(frozen=True, slots=True)
class PastOrderFilter:
    """Conditions on orders as of a moment, all of which must hold: values by name, and statuses, as text.

    `scope` is what the values leave to be checked of the scope of the caller.
    """

    values: dict[str, Value]
    scope: Scope
    statuses: tuple[str, ...] = ()

    def rows(self, path: str) -> str:
        """Return the SELECT of (created, order_id, version) of the first :limit orders, the latest first.

        `path` is the condition whose index is used.
        """
        source, condition = _PATHS[path]
        conditions = [sql for name, sql in _CONDITIONS.items() if name in self.values and name != path]
        if self.statuses:
            conditions.append(f"+v.status IN ({', '.join(f':status{i}' for i in range(len(self.statuses)))})")
        if not self.scope.is_unbounded:
            conditions.append(scope_condition(self.scope, "+o.customer_id"))
        if "product_id" in self.values:
            conditions.append(_HAS_LINE)
        return (
            f"SELECT o.placed_at AS created, o.order_id, v.version FROM {source}"
            f" CROSS JOIN order_changes v ON v.order_no = o.order_no AND v.version = {_VERSION}"
            f" WHERE {' AND '.join([condition, _EXISTED, *conditions])}"
            f" ORDER BY o.placed_at DESC, o.order_id DESC {NAMED_LIMIT}"
        )

    def bound_values(self) -> dict[str, Value]:
        """Return the values that `rows` binds, except :limit."""
        statuses = {f"status{i}": status for i, status in enumerate(self.statuses)}
        return self.values | statuses | scope_values(self.scope)


def past_filter(
    request: ListOrdersRequest, scope: Scope, moment: Moment, after: PageTokenContents | None
) -> PastOrderFilter:
    """Return the filter of a page of a listing as of a moment. Raises Refused for a day that does not exist."""
    customer_id, scope = scope.narrow(request.customer_id)
    texts = {"source_reference": request.source_reference, "customer_id": customer_id, "product_id": request.product_id}
    values: dict[str, Value] = {name: text for name, text in texts.items() if text}
    for field, bound in request.ListFields():
        if isinstance(bound, Timestamp):
            values[field.name] = time_text(nanoseconds(bound))
        elif isinstance(bound, Date):
            values[field.name] = day_text(require_real_day(bound, field.name))
    values["moment"] = time_text(LAST_NANOSECOND if moment.time is None else moment.time)
    values["offsets"] = dumps(moment.offsets)
    values |= _latest_creation(values, after)
    return PastOrderFilter(values, scope, tuple(sorted(map(status_word, set(request.statuses)))))


def _latest_creation(values: dict[str, Value], after: PageTokenContents | None) -> dict[str, Value]:
    """Return the one upper bound of the creation time; the others are removed, because it is no later than they are.

    Of several bounds, SQLite may begin at a later one and visit all rows between.
    """
    created_before = values.pop("created_before", None)
    if after:
        return {"last_created": time_text(after.last_number), "last_order_id": after.last_text}
    if created_before is not None and str(created_before) <= str(values["moment"]):
        return {"created_before": created_before}
    return {"created_until": values["moment"]}
