"""Reads snapshots of orders from the projection `orders`."""

import json
from collections.abc import Mapping
from itertools import accumulate, pairwise

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.history.blob_join import join_blobs_sql
from ordertrail_server.history.read_model import Connection
from ordertrail_server.storage.packed_id import pack_sql

_NEAREST = f"""SELECT i.key AS number, s.state FROM json_each(?) i
CROSS JOIN orders o ON o.order_key = {pack_sql("(i.value ->> 0)")}
CROSS JOIN snapshots s ON s.order_no = o.order_no
AND s.version = (SELECT max(n.version) FROM snapshots n WHERE n.order_no = o.order_no AND n.version <= i.value ->> 1)
ORDER BY i.key"""
# One row, as in blob_join.
_COLUMNS = f"json_group_array(number), json_group_array(length(state)), {join_blobs_sql('state')}"
_JOINED = f"SELECT {_COLUMNS} FROM ({_NEAREST})"


def read_snapshots(connection: Connection, versions: Mapping[str, int]) -> dict[str, Order]:
    """Return of each order the newest snapshot up to its version, by one query; no entry if there is none."""
    order_ids = list(versions)
    values = [json.dumps(list(versions.items()))]
    numbers, sizes, states = connection.execute(_JOINED, values).fetchone()
    bounds = pairwise(accumulate(json.loads(sizes), initial=0))
    return {
        order_ids[number]: Order.FromString(states[begin:end])
        for number, (begin, end) in zip(json.loads(numbers), bounds, strict=True)
    }
