"""A topic in memory, in which appends go wrong as on Kafka: lost, stored without an answer, in part, or late."""

from collections.abc import Sequence
from random import Random

from ordertrail_server.log.message_topic import Bounds
from ordertrail_server.log.port import AppendUncertain, Entry, Logged, LogUnavailable
from ordertrail_server.orders.chain import digest


class MemoryTopic:
    """`random` decides what goes wrong; without it nothing does. `history` also has what was removed."""

    def __init__(self, random: Random | None = None) -> None:
        self.history: list[Logged] = []
        self.first = 0
        self.random, self._late = random, list[Entry]()

    @property
    def messages(self) -> list[Logged]:
        """The messages that the topic still has."""
        return self.history[self.first :]

    def store(self, entry: Entry) -> int:
        """Store a message, and return its offset."""
        offset = len(self.history)
        self.history.append(Logged(offset, entry.key, entry.value, digest(entry.value)))
        return offset

    def store_late(self) -> None:
        """Store a message of an earlier append whose outcome was unknown."""
        if self._late and self.random is not None:
            self.store(self._late.pop(self.random.randrange(len(self._late))))

    async def append(self, entries: Sequence[Entry]) -> list[int]:
        if self.random is None or self.random.random() < 0.7:
            return [self.store(entry) for entry in entries]
        for entry in entries:
            match self.random.randrange(3):
                case 0:
                    self.store(entry)
                case 1:
                    self._late.append(entry)
        raise AppendUncertain("no answer")

    async def query_bounds(self) -> Bounds:
        return Bounds(self.first, len(self.history))

    async def read(self, begin: int, end: int) -> list[Logged]:
        if begin < self.first:
            raise LogUnavailable("its beginning was removed")
        return self.history[begin:end]

    async def remove_before(self, offset: int) -> None:
        self.first = max(self.first, offset)
