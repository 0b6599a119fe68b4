"""ListOrders as of a moment: orders found in the projection `timeline`, with states from snapshots and events."""

from collections.abc import Sequence
from functools import partial
from json import loads
from typing import NamedTuple

from ordertrail.v1.order_history_service_pb2 import ListOrdersRequest, ListOrdersResponse
from ordertrail.v1.position_pb2 import PageTokenContents
from ordertrail_server.access.scope import Scope
from ordertrail_server.history.freshness import required_offsets
from ordertrail_server.history.moment import offsets_at, refuse_future
from ordertrail_server.history.order_filter import choose_path, is_bounded
from ordertrail_server.history.pages import PAGE_BYTES, next_page_token, page_size, read_page_start
from ordertrail_server.history.past_order_filter import PAST_COUNTS, past_filter
from ordertrail_server.history.past_state import states_at
from ordertrail_server.history.queried_projection import QueriedProjection
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.recency import Recency
from ordertrail_server.history.tokens import Moment, latest, moment_of, token_of
from ordertrail_server.log.token import PageKey
from ordertrail_server.orders.time_text import parse_time_text
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.schema.wire import first_field

CHUNK = 50
"""How many orders are folded at once; it bounds the memory for orders with many lines."""

# One row, as in blob_join: fetched row by row, the thread would wait for the GIL at every row.
_KEYS = "SELECT json_group_array(created), json_group_array(order_id), json_group_array(version) FROM ({})"


class PastOrder(NamedTuple):
    """A row of a listing: when the order was created, as text, its id, and its version at the moment."""

    created: str
    order_id: str
    version: int


class _Page(NamedTuple):
    """The rows of a page, perhaps one more, and the moment, whose offsets are fixed now."""

    rows: list[PastOrder]
    moment: Moment


class PastOrders:
    """Lists orders as of a moment. The three projections may be at different positions: an answer waits for all."""

    def __init__(
        self, orders: QueriedProjection, history: QueriedProjection, timeline: QueriedProjection, recency: Recency
    ) -> None:
        self._orders, self._history, self._timeline, self._recency = orders, history, timeline, recency

    async def answer(self, request: ListOrdersRequest, scope: Scope, deadline: float) -> bytes:
        """Return a serialized ListOrdersResponse. Raises Refused."""
        model = self._timeline.model
        start = read_page_start(request, model.lineage)
        moment = await self._resolve(request, start, deadline)
        required = latest([required_offsets(model, request.at_least_as_fresh), moment.offsets])
        await self._timeline.freshness.wait_until_fresh(required, deadline)
        # A moment that is a position alone is in no index, so orders that were created later are visited.
        run = model.read if moment.time is not None and is_bounded(request, scope) else model.search
        page = await run(partial(_read_page, model, request, scope, moment, start))
        for projection in (self._orders, self._history):
            await projection.freshness.wait_until_fresh(page.moment.offsets, deadline)
        return _response(request, model.log_id, page, await self._states(page.rows[: page_size(request)]))

    async def _resolve(self, request: ListOrdersRequest, start: PageTokenContents | None, deadline: float) -> Moment:
        """Return the moment of a request. A time has offsets which the projection must include, no fixed ones yet."""
        model = self._timeline.model
        if start is not None:
            return moment_of(start.as_of_token, "page_token", model.lineage)
        if request.HasField("token"):
            return moment_of(request.token, "token", model.lineage)
        refuse_future(request.record_time, "record_time")
        offsets = await offsets_at(request.record_time, self._history.freshness, self._recency, deadline)
        return Moment(offsets, nanoseconds(request.record_time))

    async def _states(self, rows: Sequence[PastOrder]) -> list[bytes]:
        """Return the states of the first rows, as many as a page may hold."""
        states: list[bytes] = []
        size = 0
        for first in range(0, len(rows), CHUNK):
            versions = {order_id: version for _, order_id, version in rows[first : first + CHUNK]}
            stored = await states_at(self._orders.model, self._history.model, versions)
            for state in [stored[order_id] for order_id in versions]:
                size += len(state)
                if states and size > PAGE_BYTES:
                    return states
                states.append(state)
        return states


def _read_page(
    model: ReadModel,
    request: ListOrdersRequest,
    scope: Scope,
    moment: Moment,
    start: PageTokenContents | None,
    connection: Connection,
) -> _Page:
    if start is None and not request.HasField("token"):
        moment = Moment(model.positions(connection), moment.time)
    order_filter = past_filter(request, scope, moment, start)
    statement = _KEYS.format(order_filter.rows(choose_path(order_filter.values, connection, PAST_COUNTS)))
    values = order_filter.bound_values() | {"limit": page_size(request) + 1}
    columns = connection.execute(statement, values).fetchone()
    return _Page(list(map(PastOrder._make, zip(*map(loads, columns), strict=True))), moment)


def _response(request: ListOrdersRequest, log_id: bytes, page: _Page, states: list[bytes]) -> bytes:
    offsets, time = page.moment
    as_of_token = token_of(log_id, offsets, time)
    trailer = ListOrdersResponse(consistency_token=token_of(log_id, offsets), as_of_token=as_of_token)
    if len(states) < len(page.rows):
        created, order_id, _ = page.rows[len(states) - 1]
        key = PageKey(parse_time_text(created), order_id, as_of_token)
        trailer.next_page_token = next_page_token(request, log_id, key)
    return b"".join(map(first_field, states)) + trailer.SerializeToString()
