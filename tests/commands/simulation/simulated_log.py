"""The simulated log, and the delayed records that may still be appended to it."""

from random import Random

from tests.log.memory import MemoryLog

from ordertrail_server.log.port import Entry, Logged


class SimulatedLog:
    """The stored records, and the `delayed` ones, whose sender no longer waits for them.

    If it `has_stale_ends`, a query for the end may return an older end, as a deposed Kafka leader does.
    """

    def __init__(self, atomic: bool, has_stale_ends: bool, random: Random) -> None:
        self.has_stale_ends = has_stale_ends
        self.stored = MemoryLog(atomic=atomic, identity=b"simulated log id")
        self.delayed: list[Entry] = []
        self.random = random

    @property
    def records(self) -> list[Logged]:
        return self.stored.records[0]

    def end(self) -> int:
        return len(self.records)

    def choose_end(self, oldest: int) -> int:
        """Return an end that a query may get: the end, or if it may be stale, one that is not before `oldest`."""
        if not self.has_stale_ends:
            return self.end()
        return self.random.choice([self.random.randint(oldest, self.end()), self.end()])

    def append(self, entry: Entry) -> int:
        return self.stored.land(0, entry)

    def append_delayed(self) -> None:
        """Append one of the delayed records; sometimes it stays delayed, and is appended again later."""
        entry = self.random.choice(self.delayed)
        self.append(entry)
        if self.random.random() < 0.7:
            self.delayed.remove(entry)
