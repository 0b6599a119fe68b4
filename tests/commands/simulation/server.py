"""A simulated server: a writer, its fold, and a store that outlives both."""

import asyncio
from itertools import count
from pathlib import Path
from random import Random

from tests.commands.simulation.connection import Connection
from tests.commands.simulation.log import SimulatedLog
from tests.commands.simulation.shape import Storing
from tests.commands.simulation.stores import Kept, NoSnapshot

from ordertrail_server.commands.fold import Fold
from ordertrail_server.commands.state_store import StateStore
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.commands.writer import Writer

SECOND = 1_000_000_000
BEGINNING = 1_900_000_000 * SECOND


class World:
    """What all servers of one run share: the true time, and ids that are never made twice.

    `elapsed` are the seconds that a run has taken so far, which only some pauses of servers hang on.
    """

    def __init__(self, log: SimulatedLog, random: Random, directory: Path) -> None:
        self.log, self.random, self.directory = log, random, directory
        self.elapsed = 0.0
        self._made, self._ticks = count(), count()

    def new_id(self) -> str:
        return f"01900000-0000-7000-8000-{next(self._made):012x}"

    def true_time(self) -> int:
        return BEGINNING + next(self._ticks) * SECOND


class Server:
    """Runs until it crashes, then again. While `frozen` no call of it on the log is answered."""

    def __init__(self, number: int, world: World, storing: Storing) -> None:
        self.number, self.world, self._storing = number, world, storing
        self.frozen = False
        self._clock_error, self._work = 0, 0.0
        self._random = Random(number)
        self._kept = Kept()
        self._start()

    def _start(self) -> None:
        self.store = self._open_store()
        self.connection = Connection(self.world.log, known=self.store.position(0)[0])
        fold = Fold(self.connection, 0, self.store, hot_bytes=1, slices=TimeSlices(clock=lambda: 0.0))
        batch = self.world.random.randint(1, 5)
        self.writer = Writer(
            self.connection,
            0,
            fold,
            now=self._now,
            new_id=self.world.new_id,
            batch=batch,
            capacity=8,
            quiet_rounds=1,
            back_off=lambda _: asyncio.sleep(0),
            clock=lambda: self.world.elapsed,
            slices=TimeSlices(slice_s=1.0, rounds=1, clock=self._slice_clock),
        )
        self.tasks = [asyncio.create_task(self.writer.run())]
        if not self.connection.atomic:
            self.tasks.append(asyncio.create_task(self.writer.follow()))

    def _open_store(self) -> "NoSnapshot | Kept | StateStore":
        if self._storing == "nothing":
            return NoSnapshot()
        if self._storing == "memory":
            return self._kept
        file = self.world.directory / f"state-{self.number}.sqlite"
        return StateStore(file, self.world.log.stored, b"the only definition")

    def _slice_clock(self) -> float:
        self._work += self._random.random() / 2
        return self._work

    def _now(self) -> int:
        return self.world.true_time() + self._clock_error

    def set_clock(self) -> None:
        """Let the server's clock go wrong, forwards or back."""
        self._clock_error = self.world.random.randint(-100, 100) * SECOND

    def save(self, at_once: bool) -> None:
        """Begin a snapshot; store it now, or leave that for later (a crash may come first)."""
        snapshot = self.writer.fold.snapshot()
        if at_once and isinstance(self.store, Kept | StateStore):
            self.store.save(0, snapshot)
            self.writer.fold.saved()

    async def crash(self) -> None:
        """Lose all that is in memory, and what waits; start again from the store."""
        await self.close()
        self._start()

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.connection.close()
        if isinstance(self.store, StateStore):
            self.store.close()
