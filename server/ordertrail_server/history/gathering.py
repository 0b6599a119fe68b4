"""What one answer holds, gathered step by step: events, and the parked orders of which it passes over facts."""

from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.frames import Limits, join
from ordertrail_server.history.passed_over import PassedOver, passed_over, size_of
from ordertrail_server.history.read_model import Connection


class Gathering:
    """`full` says that the answer has no room for more, `more` that asked-for events wait where it ended."""

    def __init__(self, connection: Connection, event_filter: EventFilter, limits: Limits) -> None:
        self._connection, self._filter, self._limits = connection, event_filter, limits
        self._parts: list[bytes] = []
        self._named: dict[str, None] = {}
        self.full = self.more = False

    @property
    def events(self) -> bytes:
        """The events, joined."""
        return b"".join(self._parts)

    @property
    def parked(self) -> tuple[str, ...]:
        """The parked orders of which facts were passed over."""
        return tuple(self._named)

    def step(self, low: int, high: int) -> int:
        """Look on from position `low` to before `high`; return the position to go on from. Not if it is full."""
        over = passed_over(self._connection, self._filter, low, high, self._limits, self._named)
        max_events, max_bytes, min_events = self._limits
        joined = join(
            self._connection,
            self._filter,
            low,
            over.high,
            Limits(max_events, _room_for_events(over, max_bytes), min_events),
        )
        named = over.before(joined.next)
        if joined.event_count:
            self._parts.append(joined.events)
        self._named.update(dict.fromkeys(named))
        max_events, max_bytes = (
            max_events - joined.event_count,
            max_bytes - len(joined.events) - sum(map(size_of, named)),
        )
        self._limits = Limits(max_events, max_bytes, 0 if self._parts or self._named else min_events)
        self.more = joined.more
        self.full = joined.more or over.full or max_events <= 0
        return joined.next


def _room_for_events(over: PassedOver, max_bytes: int) -> int:
    return max(0, max_bytes - sum(map(size_of, over.orders)))
