"""Where subscriptions get events from: the projection `history`, and notifications of its growth."""

from asyncio import Event
from contextlib import AbstractContextManager
from functools import partial

from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.frames import Limits
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.history.streaming.scan import ScanConditions, read_scan
from ordertrail_server.history.streaming.stream_hub import StreamHub
from ordertrail_server.history.streaming.subjects import subject_of
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.subscriptions.loader import Demand, Loaded, load, oldest_record_time


class EventSource:
    """Reads events for subscriptions, in the threads of streams."""

    def __init__(self, hub: StreamHub) -> None:
        self._hub = hub

    @property
    def model(self) -> ReadModel:
        """The projection that events are read from."""
        return self._hub.model

    def arrivals(self, event_filter: EventFilter) -> AbstractContextManager[Event]:
        """Provide an asyncio event that is set whenever an event may have arrived that the filter matches."""
        return self._hub.arrivals.subscribe(subject_of(event_filter))

    async def load(self, event_filter: EventFilter, demand: Demand) -> Loaded:
        """Read events. Raises Refused while the projection cannot be read."""
        return await self.model.read_for_stream(partial(load, self.model, event_filter, demand))

    async def find_oldest(self, event_filter: EventFilter, begin: Offsets) -> int | None:
        """Return the record time of the first matching event from the offsets on; None if a short read finds none."""
        read = partial(read_scan, self.model, ScanConditions(event_filter, Limits(1, 1), None), begin)
        scan = await self.model.read_for_stream(read)
        return oldest_record_time(scan.events)
