"""The states of orders at versions in the past: the nearest stored state of `orders`, and later events of `history`.

The two files may be at different positions and of different generations, because an order's state at a version is the
same in all of them. `version_search` finds the version of an order at a time or a token.
"""

import json
from collections.abc import Mapping
from functools import partial

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail.v1.order_history_service_pb2 import ListOrderEventsResponse
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.history.blob_join import join_blobs_sql
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.stored_state import read_nearest_states
from ordertrail_server.orders.evolve import evolve
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.storage.packed_id import pack_sql

CHUNK = 200
"""The events that one query reads; it bounds the memory for a page of orders, and for an order without a snapshot."""

_EVENTS = f"""SELECT {join_blobs_sql("frame")} FROM (SELECT e.frame FROM json_each(?) i
CROSS JOIN events e ON e.order_key = {pack_sql("(i.value ->> 0)")}
AND e.version > i.value ->> 1 AND e.version <= i.value ->> 2 ORDER BY i.key, e.version)"""

Range = tuple[str, int, int]
"""An order, and the versions after the first number up to the second one."""


async def state_at(orders: ReadModel, history: ReadModel, order_id: str, version: int) -> bytes:
    """Return an order at one of its versions, serialized. Raises as `states_at` does."""
    return (await states_at(orders, history, {order_id: version}))[order_id]


async def states_at(
    orders: ReadModel, history: ReadModel, versions: Mapping[str, int], *, for_stream: bool = False
) -> dict[str, bytes]:
    """Return the orders of one page at one version each, serialized; the projection `history` includes these versions.

    One query reads all stored states, and one query up to CHUNK events. Raises Refused if a file cannot be read, or
    does not include a version yet. Whether an order is parked is up to the caller. A stream has threads of its own.
    """
    read_orders, read_history = (m.read_for_stream if for_stream else m.read for m in (orders, history))
    stored = await read_orders(partial(read_nearest_states, versions=versions))
    states = {order_id: state for order_id, (version, state) in stored.items() if version == versions[order_id]}
    folded_versions = {order_id: version for order_id, version in versions.items() if order_id not in states}
    if folded_versions:
        earlier = {order_id: stored[order_id].state for order_id in folded_versions if order_id in stored}
        states |= await read_history(partial(_fold_states, earlier=earlier, versions=folded_versions))
    return states


def _fold_states(connection: Connection, earlier: Mapping[str, bytes], versions: Mapping[str, int]) -> dict[str, bytes]:
    orders = {order_id: Order.FromString(state) for order_id, state in earlier.items()}
    folded = fold_up_to(connection, orders, versions)
    return {order_id: order.SerializeToString(deterministic=True) for order_id, order in folded.items()}


def fold_up_to(connection: Connection, states: Mapping[str, Order], versions: Mapping[str, int]) -> dict[str, Order]:
    """Return the orders at their versions, folded from earlier states, or from the start if there is none.

    `connection` is of the projection `history`. Raises Refused if events are missing.
    """
    folded = dict(states)
    while ranges := _next_ranges(folded, versions):
        [frames] = connection.execute(_EVENTS, [json.dumps(ranges)]).fetchone()
        for event in ListOrderEventsResponse.FromString(frames).events:
            folded[event.order_id] = evolve(folded.get(event.order_id), event)
        _refuse_missing(folded, ranges)
    return folded


def _next_ranges(states: Mapping[str, Order], versions: Mapping[str, int]) -> list[Range]:
    """Return the versions to fold next: at most CHUNK in all."""
    ranges: list[Range] = []
    room = CHUNK
    for order_id, version in versions.items():
        low = states[order_id].version if order_id in states else 0
        high = min(version, low + room)
        if low < high:
            ranges.append((order_id, low, high))
            room -= high - low
    return ranges


def _refuse_missing(states: Mapping[str, Order], ranges: list[Range]) -> None:
    for order_id, _, version in ranges:
        if order_id not in states or states[order_id].version != version:
            message = f"The read model does not include version {version} of order {order_id} yet; try again shortly."
            raise Refused(Refusal(ERROR_REASON_UNAVAILABLE, message, order_id=order_id))
