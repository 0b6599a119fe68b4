"""Finds which version of an order was the newest at a point, by a binary search over the order's versions.

Within an order, record time and position grow with the version. So 15 rows tell which of 20,000 versions it is.
"""

import json
from collections.abc import Iterable, Mapping

from ordertrail_server.history.read_model import Connection
from ordertrail_server.history.tokens import Moment, Offsets
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.position import LogPosition
from ordertrail_server.storage.packed_id import pack_sql

Point = int | Offsets | Moment
"""A record time, in nanoseconds since the epoch, or the offsets of a token: the facts up to it, or those before them.
A moment has both.

A fact that was recorded at this time is included. The times of an order's facts are those of the fold: they never go
back.
"""

# Most searches are for all facts of an order.
_NEWEST = f"SELECT version, position FROM events WHERE order_key = {pack_sql('?1')} ORDER BY version DESC LIMIT 1"
# `low` is the newest version that is known to be at or before the limit, `high` the newest that may be. One row, as in
# blob_join.
_SEARCH = f"""WITH RECURSIVE search (number, order_key, "limit", low, high) AS (
    SELECT i.key, {pack_sql("(i.value ->> 0)")}, i.value ->> 1, 0,
        ifnull((SELECT max(version) FROM events WHERE order_key = {pack_sql("(i.value ->> 0)")}), 0)
    FROM json_each(?) i
    UNION ALL
    SELECT s.number, s.order_key, s."limit",
        iif(e.{{column}} <= s."limit", e.version, s.low), iif(e.{{column}} <= s."limit", s.high, e.version - 1)
    FROM search s CROSS JOIN events e ON e.order_key = s.order_key AND e.version = (s.low + s.high + 1) / 2
    WHERE s.low < s.high
) SELECT json_group_array(json_array(number, low)) FROM search WHERE low = high AND low > 0"""


def find_version(connection: Connection, order_id: str, point: Point) -> int | None:
    """Return an order's newest version at a point, from the projection `history`; None if it did not exist then."""
    return find_versions(connection, [order_id], point).get(order_id)


def find_versions(connection: Connection, order_ids: Iterable[str], point: Point) -> dict[str, int]:
    """Return the newest version at a point of each of the orders that existed then, by one query or two."""
    if isinstance(point, Moment):
        return _find_versions_at(connection, order_ids, point)
    if isinstance(point, int):
        return _search(connection, "record_time", dict.fromkeys(order_ids, point))
    return _search(connection, "position", {order_id: _position_before(order_id, point) for order_id in order_ids})


def _find_versions_at(connection: Connection, order_ids: Iterable[str], moment: Moment) -> dict[str, int]:
    before = find_versions(connection, order_ids, moment.offsets)
    if moment.time is None:
        return before
    by_time = find_versions(connection, before, moment.time)
    return {order_id: min(version, before[order_id]) for order_id, version in by_time.items()}


def count_versions_before(connection: Connection, order_id: str, position: int) -> int:
    """Return how many facts an order has before a packed position: the newest version there, or 0."""
    newest = connection.execute(_NEWEST, (order_id,)).fetchone()
    if newest is None or newest[1] < position:
        return newest[0] if newest else 0
    return _search(connection, "position", {order_id: position - 1}).get(order_id, 0)


def _position_before(order_id: str, offsets: Offsets) -> int:
    partition = partition_of(order_id, len(offsets))
    return LogPosition(partition, offsets[partition]).pack() - 1


def _search(connection: Connection, column: str, limits: Mapping[str, int]) -> dict[str, int]:
    order_ids = list(limits)
    [rows] = connection.execute(_SEARCH.format(column=column), [json.dumps(list(limits.items()))]).fetchone()
    return {order_ids[number]: version for number, version in json.loads(rows)}
