"""The filter of events as SQL: a closed set of conditions, every value bound, the index chosen here.

A unary plus prevents SQLite from using another index than the intended one.
"""

from dataclasses import dataclass

from ordertrail.v1.order_history_service_pb2 import ListOrderEventsRequest, StreamOrderEventsRequest
from ordertrail_server.access.scope import Scope
from ordertrail_server.history.scope_condition import scope_condition, scope_values
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.storage.packed_id import pack_sql
from ordertrail_server.storage.row_limit import NAMED_LIMIT

Values = dict[str, str | int | None]

# Within an order, position and time grow with the version. So both are ranges of versions (event_rows.py).
_OF_ORDER = f"e.order_key = {pack_sql(':order_id')} AND e.version > :version_before AND e.version <= :last_version"
_OF_CUSTOMER = "e.customer_id = :customer_id AND e.position >= :low AND e.position < :high"
_OF_PRODUCT = "n.product_id = :product_id AND n.position >= :low AND n.position < :high"
_OF_LOG = "e.position >= :low AND e.position < :high"
_NAMES_PRODUCT = "EXISTS (SELECT 1 FROM event_products n WHERE n.product_id = :product_id AND n.position = e.position)"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Conditions on events, all of which must hold. An empty text, no types, and None match every event.

    `scope` are the customers whose events the caller may read. Times are nanoseconds since the epoch; `recorded_from`
    is included, `recorded_before` is not.
    """

    scope: Scope
    order_id: str = ""
    customer_id: str = ""
    product_id: str = ""
    types: tuple[int, ...] = ()
    recorded_from: int | None = None
    recorded_before: int | None = None

    @property
    def visible_customer(self) -> str:
        """The customer whose events match; empty if those of several may match."""
        return self.scope.narrow(self.customer_id)[0]

    @property
    def reach(self) -> Scope:
        """A scope with every customer whose events can match."""
        if self.customer_id and self.scope.includes(self.customer_id):
            return Scope(frozenset({self.customer_id}))
        return self.scope

    @property
    def matches_every_row(self) -> bool:
        """True if every row of the index range matches, so that a limit on rows also bounds the work."""
        return not self._row_conditions()

    def rows(self, *, is_descending: bool = False) -> str:
        """Return the SELECT of (position, frame) of the first :limit events that match, in the order of a span.

        It binds `values`, and the values of a span (event_rows.py).
        """
        return self._select("e.position, e.frame", is_descending)

    def matching_position(self, *, is_descending: bool = False) -> str:
        """Return the SELECT of the position of the event that matches after :skipped others; :limit is 1."""
        return f"{self._select('e.position', is_descending)} OFFSET :skipped"

    def _select(self, columns: str, is_descending: bool) -> str:
        source, condition, key = self._choose_index()
        conditions = " AND ".join([condition, *self._row_conditions()])
        order = f"{key} DESC" if is_descending else key
        return f"SELECT {columns} FROM {source} WHERE {conditions} ORDER BY {order} {NAMED_LIMIT}"

    def index_position(self, *, is_descending: bool = False) -> str:
        """Return the SELECT of the position after :count rows of the index range, whether or not they match."""
        source, condition, key = self._choose_index()
        order = f"{key} DESC" if is_descending else key
        return f"SELECT e.position FROM {source} WHERE {condition} ORDER BY {order} LIMIT 1 OFFSET :count"

    def customer_condition(self) -> str:
        """Return the condition on the customer of a row `e` of events; it binds `values`."""
        customer_id, scope = self.scope.narrow(self.customer_id)
        return "e.customer_id = :customer_id" if customer_id else scope_condition(scope, "e.customer_id")

    def values(self) -> Values:
        """Return the values that `rows` binds, except :limit and those of a span."""
        customer_id, scope = self.scope.narrow(self.customer_id)
        return {
            "order_id": self.order_id,
            "customer_id": customer_id,
            "product_id": self.product_id,
            "recorded_from": self.recorded_from,
            "recorded_before": self.recorded_before,
            **{f"type{i}": kind for i, kind in enumerate(self.types)},
            **scope_values(scope),
        }

    def _choose_index(self) -> tuple[str, str, str]:
        if self.order_id:
            return "events e", _OF_ORDER, "e.version"
        if self.visible_customer:
            return "events e", _OF_CUSTOMER, "e.position"
        if self.product_id:
            return "event_products n CROSS JOIN events e ON e.position = n.position", _OF_PRODUCT, "n.position"
        return "events e", _OF_LOG, "e.position"

    def _row_conditions(self) -> list[str]:
        """Return the conditions that the index does not cover, and that are checked row by row."""
        customer_id, scope = self.scope.narrow(self.customer_id)
        types = ", ".join(f":type{i}" for i in range(len(self.types)))
        conditions = {
            "+e.customer_id = :customer_id": self.order_id and customer_id,
            scope_condition(scope, "+e.customer_id"): not scope.is_unbounded,
            _NAMES_PRODUCT: self.product_id and (self.order_id or customer_id),
            f"+e.type IN ({types})": self.types,
            "+e.record_time >= :recorded_from": not self.order_id and self.recorded_from is not None,
            "+e.record_time < :recorded_before": not self.order_id and self.recorded_before is not None,
        }
        return [condition for condition, is_set in conditions.items() if is_set]


def list_filter(request: ListOrderEventsRequest, scope: Scope) -> EventFilter:
    """Return the filter of a listing."""
    return _event_filter(request, scope)


def stream_filter(request: StreamOrderEventsRequest, scope: Scope) -> EventFilter:
    """Return the filter of a stream."""
    return _event_filter(request, scope)


def _event_filter(request: ListOrderEventsRequest | StreamOrderEventsRequest, scope: Scope) -> EventFilter:
    return EventFilter(
        scope,
        request.order_id,
        request.customer_id,
        request.product_id,
        tuple(sorted(set(request.event_types))),
        nanoseconds(request.recorded_from) if request.HasField("recorded_from") else None,
        nanoseconds(request.recorded_before) if request.HasField("recorded_before") else None,
    )
