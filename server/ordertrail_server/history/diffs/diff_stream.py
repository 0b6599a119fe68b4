"""DiffOrders: the orders that changed between two moments, with their states and the events between."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from functools import partial

from ordertrail.v1.order_history_service_pb2 import DiffOrdersResponse
from ordertrail_server.history.diffs.changed_orders import ChangedOrder, find_changed_orders, find_last_versions
from ordertrail_server.history.diffs.diff_bounds import DiffBounds
from ordertrail_server.history.diffs.diff_events import FRAME_BYTES, DiffEvents, read_events, read_first_events
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.past_state import states_at
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.history.tokens import token_of
from ordertrail_server.log.position import LogPosition
from ordertrail_server.schema.wire import bytes_tag, chunk, first_field

_BEFORE, _AFTER = bytes_tag(2), bytes_tag(3)


class DiffStream:
    """The diffs of one call. `orders` and `history` are the projections with the snapshots and the events."""

    def __init__(self, orders: ReadModel, history: ReadModel, bounds: DiffBounds, event_filter: EventFilter) -> None:
        """Compare the orders that the filter, which has conditions on customers only, matches."""
        self._orders, self._history, self._bounds, self._filter = orders, history, bounds, event_filter
        self._parked_ids = set[str]()

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """Yield serialized DiffOrdersResponse frames; the first has the tokens of both moments."""
        frame = bytearray(self._tokens())
        async with aclosing(self._parts()) as parts:
            async for part in parts:
                frame += part
                if len(frame) >= FRAME_BYTES:
                    yield bytes(frame)
                    frame.clear()
        if frame:
            yield bytes(frame)

    def _tokens(self) -> bytes:
        start, end = (token_of(self._history.log_id, *moment) for moment in (self._bounds.start, self._bounds.end))
        return DiffOrdersResponse(from_token=start, until_token=end).SerializeToString()

    async def _parts(self) -> AsyncGenerator[bytes, None]:
        """Yield serialized fields of responses: diffs, and ids of parked orders."""
        for partition, (low, high) in enumerate(zip(self._bounds.low, self._bounds.high, strict=True)):
            position, end = LogPosition(partition, low).pack(), LogPosition(partition, high).pack()
            while position < end:
                find = partial(find_changed_orders, self._bounds, self._filter, partition, position, self._parked_ids)
                changed, position, parked_ids = await self._history.read_for_stream(find)
                yield self._name_parked(parked_ids)
                if changed:
                    async with aclosing(self._diffs(changed)) as fields:
                        async for field in fields:
                            yield field

    async def _diffs(self, changed: list[ChangedOrder]) -> AsyncGenerator[bytes, None]:
        """Yield the diffs of a few orders as fields; several for an order with very many events."""
        order_ids = [order.order_id for order in changed]
        find = partial(find_last_versions, self._bounds.end, order_ids)
        versions, parked_ids = await self._history.read_for_stream(find)
        # A retry may free their facts after this read, when the diff is past them.
        yield self._name_parked(parked_ids)
        befores = await self._states({order_id: version - 1 for _, order_id, version in changed if version > 1})
        afters = await self._states(versions)
        ranges = [(order_id, version, versions[order_id]) for _, order_id, version in changed]
        for order_id, events in zip(order_ids, await self._first_events(ranges), strict=True):
            diff = events.frames + chunk(_BEFORE, befores[order_id]) if order_id in befores else events.frames
            async for further_events in self._further_events(order_id, events, versions[order_id]):
                yield first_field(diff)
                diff = further_events
            yield first_field(diff + chunk(_AFTER, afters[order_id]))

    def _name_parked(self, order_ids: Iterable[str]) -> bytes:
        new_ids = [order_id for order_id in order_ids if order_id not in self._parked_ids]
        self._parked_ids.update(new_ids)
        return DiffOrdersResponse(parked_order_ids=new_ids).SerializeToString()

    async def _further_events(self, order_id: str, events: DiffEvents, last: int) -> AsyncGenerator[bytes, None]:
        """Yield the events of an order that its first diff has no space for."""
        while events.last < last:
            events = await self._history.read_for_stream(partial(read_events, (order_id, events.last + 1, last)))
            yield events.frames

    async def _first_events(self, ranges: list[tuple[str, int, int]]) -> list[DiffEvents]:
        return await self._history.read_for_stream(partial(read_first_events, ranges))

    async def _states(self, versions: dict[str, int]) -> dict[str, bytes]:
        return await states_at(self._orders, self._history, versions, for_stream=True) if versions else {}
