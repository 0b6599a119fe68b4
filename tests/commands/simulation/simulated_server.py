"""A simulated server: a writer with its fold, and a projector whose store outlives both."""

import asyncio
from itertools import count
from pathlib import Path
from random import Random

from tests.commands.simulation.connection import Connection
from tests.commands.simulation.order_stores import (
    MemoryStore,
    NothingProjected,
    ProjectableStore,
    open_file_store,
)
from tests.commands.simulation.projector import Projector, RacingStore
from tests.commands.simulation.scenario import StorageKind
from tests.commands.simulation.simulated_log import SimulatedLog

from ordertrail_server.commands.fold import TAIL_BYTES, Fold
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.commands.writer import Writer

SECOND = 1_000_000_000
BEGINNING = 1_900_000_000 * SECOND
# A tail with space for a few entries, one of the two sizes that a simulated fold may have.
SHORT_TAIL_BYTES = 12_000


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

    store: ProjectableStore
    projector: Projector
    connection: Connection
    writer: Writer
    tasks: list[asyncio.Task[None]]

    def __init__(self, number: int, world: World, storage: StorageKind) -> None:
        self.number, self.world, self._storage = number, world, storage
        self.is_frozen = False
        self._clock_error, self._work = 0, 0.0
        self._random = Random(number)
        self._memory_store = MemoryStore()

    async def start(self) -> None:
        """Start on what the store holds."""
        random = self.world.random
        self.store = await self._open_store()
        self.projector = Projector(self.world.log, self.store, random)
        self.connection = Connection(self.world.log)
        self.writer = self._build_writer(self._build_fold())
        self.tasks = [asyncio.create_task(self.writer.run())]
        if not self.connection.capabilities.atomic_append:
            self.tasks.append(asyncio.create_task(self.writer.follow()))

    def _build_fold(self) -> Fold:
        random = self.world.random
        return Fold(
            self.connection,
            0,
            RacingStore(self.store, self.projector, random),
            hot_bytes=random.choice([1, 1_000_000]),
            # Without a projector the tail holds the whole log.
            tail_bytes=TAIL_BYTES if self._storage == "nothing" else random.choice([SHORT_TAIL_BYTES, TAIL_BYTES]),
            slices=TimeSlices(clock=lambda: 0.0),
        )

    def _build_writer(self, fold: Fold) -> Writer:
        return Writer(
            self.connection,
            0,
            fold,
            now=self._now,
            new_id=self.world.new_id,
            batch=self.world.random.randint(1, 5),
            capacity=8,
            quiet_rounds=1,
            back_off=lambda _: asyncio.sleep(0),
            clock=lambda: self.world.elapsed,
            slices=TimeSlices(slice_s=1.0, rounds=1, clock=self._slice_clock),
        )

    async def _open_store(self) -> ProjectableStore:
        if self._storage == "nothing":
            return NothingProjected()
        if self._storage == "memory":
            return self._memory_store
        return await open_file_store(self.world.directory / f"orders-{self.number}.sqlite", self.world.log.stored)

    def _slice_clock(self) -> float:
        self._work += self._random.random() / 2
        return self._work

    def _now(self) -> int:
        return self.world.true_time() + self._clock_error

    def skew_clock(self) -> None:
        """Set the server's clock to a wrong time, before or after the true one."""
        self._clock_error = self.world.random.randint(-100, 100) * SECOND

    def report_projected(self) -> None:
        """Give the writer one of the projector's reports, if there is one."""
        position = self.projector.take_report()
        if position is not None:
            self.writer.note_projected(position)

    def project_all(self) -> None:
        """Commit the whole log, and report it."""
        self.projector.commit(self.world.log.end())
        while self.projector.has_reports:
            self.report_projected()

    async def crash(self) -> None:
        """Lose everything in memory and every pending call; start again from the store."""
        await self.close()
        await self.start()

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.connection.close()
        self.store.close()
