"""What one answer holds, gathered step by step: events, and the parked orders of which it passes over facts."""

from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.frames import Limits, join
from ordertrail_server.history.passed_over import PassedOver, passed_over, size_of
from ordertrail_server.history.read_model import Connection


class Gathering:
    """`full` says that the answer has no room for more, `more` that asked-for events wait where it ended."""

    def __init__(self, connection: Connection, asked: EventFilter, limits: Limits) -> None:
        self._connection, self._asked, self._left = connection, asked, limits
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
        over = passed_over(self._connection, self._asked, low, high, self._left, self._named)
        most, room, least = self._left
        found = join(self._connection, self._asked, low, over.high, Limits(most, _beside(over, room), least))
        named = over.before(found.next)
        if found.taken:
            self._parts.append(found.events)
        self._named.update(dict.fromkeys(named))
        most, room = most - found.taken, room - len(found.events) - sum(map(size_of, named))
        self._left = Limits(most, room, 0 if self._parts or self._named else least)
        self.more = found.more
        self.full = found.more or over.full or most <= 0
        return found.next


def _beside(over: PassedOver, room: int) -> int:
    return max(0, room - sum(map(size_of, over.orders)))
