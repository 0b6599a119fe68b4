"""The filter of orders as SQL: a closed set of conditions, every value bound, the index chosen here.

A unary plus prevents SQLite from using another index than the intended one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.order_history_service_pb2 import ListOrdersRequest
from ordertrail.v1.position_pb2 import PageTokenContents
from ordertrail_server.access.scope import Scope
from ordertrail_server.history.day_bound import require_real_day
from ordertrail_server.history.read_model import Connection
from ordertrail_server.history.scope_condition import scope_condition, scope_values
from ordertrail_server.orders.days import encode_day
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.storage.row_limit import LAST_LIMIT, NAMED_LIMIT

Value = str | int

FEW = 10_000
"""Up to this many matching orders are visited and sorted; more are read from an index that is sorted already."""

_PATHS = {
    "source_reference": ("orders o", "o.source_reference = :source_reference"),
    "customer_id": ("orders o", "o.customer_id = :customer_id"),
    "product_id": ("order_products n CROSS JOIN orders o ON o.order_no = n.order_no", "n.product_id = :product_id"),
    "": ("orders o", "TRUE"),
}
_CONDITIONS = {
    "source_reference": "+o.source_reference = :source_reference",
    "customer_id": "+o.customer_id = :customer_id",
    "product_id": (
        "EXISTS (SELECT 1 FROM order_products n WHERE n.product_id = :product_id AND n.order_no = o.order_no)"
    ),
    "created_from": "o.created >= :created_from",
    "created_before": "o.created < :created_before",
    "delivery_from": "+o.delivery_date >= :delivery_from",
    "delivery_before": "+o.delivery_date < :delivery_before",
    "last_created": "(o.created, o.order_id) < (:last_created, :last_order_id)",
}
_FOLDED = "+o.status <> 0"
"""Excludes orders that were parked before any of their facts was folded, because they have no state."""

COUNTS = {
    "customer_id": f"SELECT count(*) FROM (SELECT 1 FROM orders WHERE customer_id = ? {LAST_LIMIT})",
    "product_id": f"SELECT count(*) FROM (SELECT 1 FROM order_products WHERE product_id = ? {LAST_LIMIT})",
}


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Conditions on orders, all of which must hold: values by name, and statuses; no statuses match every order.

    `scope` is what the values leave to be checked of the scope of the caller.
    """

    values: dict[str, Value]
    scope: Scope
    statuses: tuple[int, ...] = ()

    def rows(self, path: str) -> str:
        """Return the SELECT of (created, order_id, size of the state) of the first :limit orders, the latest first.

        `path` is a result of choose_path.
        """
        source, condition = _PATHS[path]
        conditions = [_FOLDED, *(sql for name, sql in _CONDITIONS.items() if name in self.values and name != path)]
        if self.statuses:
            conditions.append(f"+o.status IN ({', '.join(f':status{i}' for i in range(len(self.statuses)))})")
        if not self.scope.is_unbounded:
            conditions.append(scope_condition(self.scope, "+o.customer_id"))
        return (
            f"SELECT o.created, o.order_id, length(o.state) AS size FROM {source}"
            f" WHERE {' AND '.join([condition, *conditions])} ORDER BY o.created DESC, o.order_id DESC {NAMED_LIMIT}"
        )

    def bound_values(self) -> dict[str, Value]:
        """Return the values that `rows` binds, except :limit."""
        statuses = {f"status{i}": status for i, status in enumerate(self.statuses)}
        return self.values | statuses | scope_values(self.scope)


def choose_path(values: Mapping[str, Value], connection: Connection, counts: Mapping[str, str] = COUNTS) -> str:
    """Return the condition whose index is used: one that few orders match, or else one that is sorted.

    `counts` has a SELECT for conditions on which the choice depends: it counts the matching orders, up to a limit.
    """
    if "source_reference" in values:
        return "source_reference"
    if "product_id" not in values:  # the index of customers is also sorted
        return "customer_id" if "customer_id" in values else ""
    for name, count in counts.items():
        if name in values and connection.execute(count, (values[name], FEW + 1)).fetchone()[0] <= FEW:
            return name
    return "customer_id" if "customer_id" in values else ""


def list_filter(request: ListOrdersRequest, scope: Scope, after: PageTokenContents | None) -> OrderFilter:
    """Return the filter of a page of a listing. Raises Refused for a day that does not exist."""
    customer_id, scope = scope.narrow(request.customer_id)
    texts = {"source_reference": request.source_reference, "customer_id": customer_id, "product_id": request.product_id}
    values: dict[str, Value] = {name: text for name, text in texts.items() if text}
    for field, bound in request.ListFields():
        if isinstance(bound, Timestamp):
            values[field.name] = nanoseconds(bound)
        elif isinstance(bound, Date):
            values[field.name] = encode_day(require_real_day(bound, field.name))
    if after:
        # Instead of created_before, which is no earlier: of two bounds, SQLite may begin at the later one.
        values.pop("created_before", None)
        values |= {"last_created": after.last_number, "last_order_id": after.last_text}
    return OrderFilter(values, scope, tuple(sorted(set(request.statuses))))


def is_bounded(request: ListOrdersRequest, scope: Scope) -> bool:
    """Return whether a query visits few more rows than its page contains, because an index has the order of the page.

    Otherwise the query may visit many rows that do not match, or sort many rows.
    """
    return bool(request.source_reference) or not (
        request.product_id
        or not scope.narrow(request.customer_id)[1].is_unbounded
        or request.statuses
        or request.HasField("delivery_from")
        or request.HasField("delivery_before")
    )
