"""Reads stored states of orders from the projection `orders`: the present ones and snapshots."""

import json
from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import NamedTuple

from ordertrail_server.history.blob_join import join_blobs_sql
from ordertrail_server.history.read_model import Connection
from ordertrail_server.storage.packed_id import pack_sql

# The version of a parked order counts facts that its state lacks.
_IS_PRESENT = "(o.version = i.value ->> 1 AND o.parked IS NULL)"
_NEAREST = f"""SELECT i.key AS number, iif({_IS_PRESENT}, o.version, s.version) AS version,
iif({_IS_PRESENT}, o.state, s.state) AS state
FROM json_each(?) i CROSS JOIN orders o ON o.order_key = {pack_sql("(i.value ->> 0)")}
LEFT JOIN snapshots s ON NOT {_IS_PRESENT} AND s.order_no = o.order_no
AND s.version = (SELECT max(n.version) FROM snapshots n WHERE n.order_no = o.order_no AND n.version <= i.value ->> 1)
WHERE {_IS_PRESENT} OR s.version IS NOT NULL ORDER BY i.key"""
# One row, as in blob_join.
_COLUMNS = (
    f"json_group_array(number), json_group_array(version), json_group_array(length(state)), {join_blobs_sql('state')}"
)
_JOINED = f"SELECT {_COLUMNS} FROM ({_NEAREST})"


class StoredState(NamedTuple):
    """The serialized state of an order at a version."""

    version: int
    state: bytes


def read_nearest_states(connection: Connection, versions: Mapping[str, int]) -> dict[str, StoredState]:
    """Return of each order the newest state up to its version that is stored, by one query; no entry if there is none.

    Only the present state, if it is of this version, and snapshots are stored.
    """
    order_ids = list(versions)
    *columns, states = connection.execute(_JOINED, [json.dumps(list(versions.items()))]).fetchone()
    numbers, found_versions, sizes = map(json.loads, columns)
    bounds = pairwise(accumulate(sizes, initial=0))
    return {
        order_ids[number]: StoredState(version, states[begin:end])
        for number, version, (begin, end) in zip(numbers, found_versions, bounds, strict=True)
    }
