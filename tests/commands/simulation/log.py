"""A log under the simulation's control, and the records still on their way to it."""

from random import Random

from tests.log.memory import MemoryLog

from ordertrail_server.log.port import Entry, Logged


class SimulatedLog:
    """The records, and those still on their way though nobody waits for them (`late`).

    Where it is `stale`, a server may be told of an older end, if of none that is older than what it knows.
    """

    def __init__(self, atomic: bool, stale: bool, random: Random) -> None:
        self.stale = stale
        self.stored = MemoryLog(atomic=atomic, identity=b"simulated log id")
        self.late: list[Entry] = []
        self.random = random

    @property
    def records(self) -> list[Logged]:
        return self.stored.records[0]

    def end(self) -> int:
        return len(self.records)

    def end_told(self, known: int) -> int:
        return self.random.choice([self.random.randint(known, self.end()), self.end()]) if self.stale else self.end()

    def land(self, entry: Entry) -> int:
        return self.stored.land(0, entry)

    def land_late(self) -> None:
        """Let one of the late records land, perhaps not for the last time."""
        entry = self.random.choice(self.late)
        self.land(entry)
        if self.random.random() < 0.7:
            self.late.remove(entry)
