"""A simulated server: a writer, its fold, and a store that outlives both."""

import asyncio
from itertools import count
from pathlib import Path
from random import Random

from tests.commands.simulation.connection import Connection
from tests.commands.simulation.scenario import StorageKind
from tests.commands.simulation.simulated_log import SimulatedLog
from tests.commands.simulation.snapshot_store import MemoryStore, NoSnapshot

from ordertrail_server.commands.fold import Fold
from ordertrail_server.commands.state_store import StateStore
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.commands.writer import Writer

SECOND = 1_000_000_000
BEGINNING = 1_900_000_000 * SECOND


class World:
    """What all servers of a run share: the log, the true time and unique ids.

    `elapsed` is the simulated monotonic time in seconds. Only the writer's rules about pauses depend on it.
    """

    def __init__(self, log: SimulatedLog, random: Random, directory: Path) -> None:
        self.log, self.random, self.directory = log, random, directory
        self.elapsed = 0.0
        self._id_numbers, self._ticks = count(), count()

    def new_id(self) -> str:
        return f"01900000-0000-7000-8000-{next(self._id_numbers):012x}"

    def true_time(self) -> int:
        return BEGINNING + next(self._ticks) * SECOND


class SimulatedServer:
    """A writer that restarts after every crash. While the server `is_frozen`, its calls on the log are not answered."""

    def __init__(self, number: int, world: World, storage: StorageKind) -> None:
        self.number, self.world, self._storage = number, world, storage
        self.is_frozen = False
        self._clock_error, self._work = 0, 0.0
        self._random = Random(number)
        self._memory_store = MemoryStore()
        self._start()

    def _start(self) -> None:
        self.store = self._open_store()
        self.connection = Connection(self.world.log, known_end=self.store.position(0)[0])
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
        if not self.connection.capabilities.atomic_append:
            self.tasks.append(asyncio.create_task(self.writer.follow()))

    def _open_store(self) -> "NoSnapshot | MemoryStore | StateStore":
        if self._storage == "nothing":
            return NoSnapshot()
        if self._storage == "memory":
            return self._memory_store
        file = self.world.directory / f"state-{self.number}.sqlite"
        return StateStore(file, self.world.log.stored, b"the only definition")

    def _slice_clock(self) -> float:
        self._work += self._random.random() / 2
        return self._work

    def _now(self) -> int:
        return self.world.true_time() + self._clock_error

    def skew_clock(self) -> None:
        """Set the server's clock to a wrong time, before or after the true one."""
        self._clock_error = self.world.random.randint(-100, 100) * SECOND

    def save(self, at_once: bool) -> None:
        """Take a snapshot, and randomly store it or not. A crash loses a snapshot that is not stored."""
        snapshot = self.writer.fold.snapshot()
        if at_once and isinstance(self.store, MemoryStore | StateStore):
            self.store.save(0, snapshot)
            self.writer.fold.saved()

    async def crash(self) -> None:
        """Lose everything in memory and every pending call; start again from the store."""
        await self.close()
        self._start()

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.connection.close()
        if isinstance(self.store, StateStore):
            self.store.close()
