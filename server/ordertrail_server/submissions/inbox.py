"""The commands of one partition that wait for a decision. Pure: time is an argument.

Commands of an order are decided one after another, in the order in which they become due. Orders do not wait for one
another. A delayed command becomes due at its time, and does not hold up later commands of its order before.
"""

from collections import deque
from heapq import heappop, heappush
from typing import NamedTuple


class Waiting(NamedTuple):
    """A command that waits. They are sorted by when they become due, then by offset.

    `due` is in nanoseconds since 1970-01-01 UTC. A command that is not delayed is due at once.
    """

    due: int
    offset: int
    order_id: str
    is_delayed: bool


FIRST = Waiting(-(1 << 63), 0, "", is_delayed=False)
"""Before every command."""


class Inbox:
    """Hands out the next command of each order that has none in work.

    It holds all commands before its `horizon`, at most about `capacity`. The caller has the others, and adds them when
    it moves the horizon.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.horizon = FIRST
        self._delayed: list[Waiting] = []
        self._due: dict[str, list[Waiting]] = {}
        self._ready: deque[str] = deque()
        self._in_work: dict[str, Waiting] = {}
        self._offsets: set[int] = set()

    def __len__(self) -> int:
        """Return the number of commands, with those in work."""
        return len(self._offsets)

    @property
    def ready_count(self) -> int:
        """The number of orders whose next command is not delayed, and can be taken."""
        return len(self._ready)

    @property
    def has_space(self) -> bool:
        """True if the caller may move the horizon."""
        return len(self._offsets) <= self._capacity // 2

    def add(self, command: Waiting) -> bool:
        """Add a command, and return True, unless it is there, or does not lie before the horizon."""
        if command.offset in self._offsets or command >= self.horizon:
            return False
        if len(self._offsets) >= self._capacity:
            self.horizon = command
            return False
        self._offsets.add(command.offset)
        if command.is_delayed:
            heappush(self._delayed, command)
        else:
            self._queue(command)
        return True

    def take(self, now: int, limit: int) -> list[Waiting]:
        """Return up to `limit` commands that are due, each of another order, which is in work from now on."""
        while self._delayed and self._delayed[0].due <= now:
            self._queue(heappop(self._delayed))
        return [self._begin(self._ready.popleft()) for _ in range(min(limit, len(self._ready)))]

    def next_due(self) -> int | None:
        """Return the time at which the next delayed command becomes due; None if there is none."""
        return self._delayed[0].due if self._delayed else None

    def finish(self, command: Waiting) -> None:
        """Note that a command in work is decided."""
        if self._in_work.get(command.order_id) == command:
            del self._in_work[command.order_id]
            self._offsets.discard(command.offset)
            self._release(command.order_id)

    def put_back(self, command: Waiting) -> None:
        """Return a command in work, so that it is handed out again before all others of its order."""
        if self._in_work.get(command.order_id) == command:
            del self._in_work[command.order_id]
            heappush(self._due.setdefault(command.order_id, []), command)
            self._release(command.order_id)

    def _queue(self, command: Waiting) -> None:
        commands = self._due.setdefault(command.order_id, [])
        heappush(commands, command)
        if len(commands) == 1 and command.order_id not in self._in_work:
            self._ready.append(command.order_id)

    def _begin(self, order_id: str) -> Waiting:
        commands = self._due[order_id]
        command = self._in_work[order_id] = heappop(commands)
        if not commands:
            del self._due[order_id]
        return command

    def _release(self, order_id: str) -> None:
        if order_id in self._due:
            self._ready.append(order_id)
