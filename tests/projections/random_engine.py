"""An engine that is driven by random steps: the log grows, orders are retried, projections come and go."""

from collections.abc import Iterable
from pathlib import Path

from hypothesis import strategies as st
from tests.log.memory import MemoryLog
from tests.projections.older_release import hide_events
from tests.projections.random_log import ORDER_IDS, PARTITIONS
from tests.projections.sample_projections import Ledger, Tally
from tests.projections.stored_rows import Rows, read_rows

from ordertrail_server.log.port import Log
from ordertrail_server.projections.catalog import HISTORY, ORDERS, TIMELINE
from ordertrail_server.projections.dependents import Dependents
from ordertrail_server.projections.engine import Engine
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_dependents, open_engine
from ordertrail_server.storage.database_file import remove_database

EVENTS = ["order_placed", "order_line_added", "order_line_removed", "order_confirmed"]
OTHERS = [HISTORY, TIMELINE, Ledger.name, Tally.name]
ALL = [ORDERS, *OTHERS]

event_names = st.sets(st.sampled_from(EVENTS))
projection_names = st.sets(st.sampled_from(OTHERS))
grow = st.tuples(st.just("grow"), st.integers(1, 20))
retry = st.tuples(st.just("retry"), st.sampled_from(ORDER_IDS))
learn = st.tuples(st.just("learn"), st.sampled_from(EVENTS))
restart = st.tuples(st.just("restart"), projection_names)
separate = st.tuples(st.just("separate"), projection_names)
lose = st.tuples(st.just("lose"), st.sampled_from(ALL))
engine_steps = st.lists(st.one_of(grow, grow, retry, learn, restart, separate, lose), max_size=12)


class RandomEngine:
    """An engine on the files of a directory. Its log grows up to `log`.

    It does not know the events `unknown` until it learns them. It never forgets one, as no release may.
    """

    def __init__(self, log: MemoryLog, directory: Path, unknown: Iterable[str], batch: int = 7) -> None:
        self._records, self._log = log.records, log
        self._directory, self._unknown, self._batch = directory, set(unknown), batch
        self._names: Iterable[str] = OTHERS
        self._engine: Engine | None = None
        self._dependents: Dependents | None = None
        log.records = [[] for _ in range(PARTITIONS)]

    async def run(self, steps: Iterable[tuple[str, object]]) -> None:
        """Take the steps, then the rest of the log with all events and all projections."""
        await self.restart(OTHERS)
        for step, argument in steps:
            with hide_events(*self._unknown):
                await getattr(self, step)(argument)
        self._unknown.clear()
        await self.grow(max(map(len, self._records)))
        await self.restart(OTHERS)
        await self.catch_up()

    async def grow(self, count: int) -> None:
        pairs = zip(self._records, self._log.records, strict=True)
        self._log.records = [records[: len(visible) + count] for records, visible in pairs]
        await self.catch_up()

    async def retry(self, order_id: str) -> None:
        assert self._engine is not None
        await self._engine.retry(order_id)
        await self._catch_up_dependents()

    async def learn(self, event: str) -> None:
        self._unknown.discard(event)

    async def lose(self, name: str) -> None:
        """Remove the file of a projection, so that it is built again."""
        self.close()
        remove_database(live_generation(self._directory, name))
        await self.restart(self._names)

    async def restart(self, names: Iterable[str]) -> None:
        """Continue with these projections."""
        self.close()
        self._names = sorted(names)
        self._engine = await open_engine(self._log, self._directory, self._names, batch=self._batch, cache_bytes=5_000)

    async def separate(self, names: Iterable[str]) -> None:
        """Continue with these projections beside the engine, as in processes of their own."""
        await self.restart([])
        self._names = sorted(names)
        self._dependents = await open_dependents(self._log, self._directory, self._names, batch=self._batch)

    async def catch_up(self) -> None:
        assert self._engine is not None
        await self._engine.catch_up()
        await self._catch_up_dependents()

    async def _catch_up_dependents(self) -> None:
        unfinished = set(range(PARTITIONS))
        while self._dependents is not None and unfinished:
            unfinished = await self._dependents.fold_round(unfinished, lambda positions: None)
        assert self._dependents is None or self._dependents.stopped == {}

    def close(self) -> None:
        for running in (self._dependents, self._engine):
            if running is not None:
                running.close()
        self._dependents = None


def read_all_rows(directory: Path, names: Iterable[str] = ALL) -> dict[str, Rows]:
    return {name: read_rows(live_generation(directory, name)) for name in names}


async def project_all(log: Log, directory: Path, batch: int = 1_000) -> dict[str, Rows]:
    """Fold the log up to its end into all projections, and return their rows."""
    engine = await open_engine(log, directory, OTHERS, batch=batch)
    await engine.catch_up()
    engine.close()
    return read_all_rows(directory)
