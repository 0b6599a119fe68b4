"""Builds the generations of this release beside a running server of another release, and follows the log.

It writes only to files that no server uses: those of the definitions that the running server does not have.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from random import uniform
from time import monotonic
from typing import NamedTuple

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.port import Log, LogUnavailable
from ordertrail_server.projections.build import NEAR
from ordertrail_server.projections.build_pace import BATCH, BuildPace
from ordertrail_server.projections.catalog import ORDERS, OWN_NAMES
from ordertrail_server.projections.dependents import Dependents
from ordertrail_server.projections.engine import Engine
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.generation_report import read_stored_progress
from ordertrail_server.projections.loadable import find_loadable_projections
from ordertrail_server.projections.opened_engine import open_dependents, open_engine
from ordertrail_server.projections.projection_error import PositionMoved
from ordertrail_server.projections.served_definitions import find_served_projections

POLL_SECONDS = 0.2
REST_SECONDS = (1.0, 3.0)
"""The shortest and the longest time without a commit after which the files count as left alone."""

_log = logging.getLogger(__name__)


class PreparedProjection(NamedTuple):
    """How far the generation of this release is. `is_served`: a running server uses it."""

    name: str
    folded_count: int
    is_complete: bool
    is_served: bool


class PreparationProgress(NamedTuple):
    """The projections of this release, and the number of records in the log."""

    projections: Sequence[PreparedProjection]
    end: int

    @property
    def is_ready(self) -> bool:
        """True if each projection is complete and up to date."""
        return all(
            projection.is_complete and self.end - projection.folded_count <= NEAR for projection in self.projections
        )


OnProgress = Callable[[PreparationProgress], bool]
"""Called between batches; returns whether to continue."""


class Preparation:
    """The generations of this release in one data directory: `own_names`, and those of added projections.

    For one task.
    """

    def __init__(self, log: Log, data: DataDirectory, own_names: Sequence[str] = OWN_NAMES) -> None:
        self._log, self._data = log, data
        self._names = [*own_names, *find_loadable_projections(data.projections)]
        self._served: set[str] = set()
        self.stopped: dict[str, str] = {}
        """{projection: why it stopped}. The others continue."""

    async def run(self, on_progress: OnProgress) -> None:
        """Fold and follow the log until `on_progress` returns False, or a server uses the files.

        Raises PositionMoved if another process folds into the same files, and what the engine raises.
        """
        while True:
            try:
                return await self._fold(on_progress)
            except PositionMoved:
                if not await self._is_left_alone(on_progress):
                    raise

    async def _fold(self, on_progress: OnProgress) -> None:
        self._served = find_served_projections(self._data, self._names)
        names = [name for name in self._names if name not in self._served]
        if not names:
            await self._watch(on_progress)
            return
        with closing(await self._open(names)) as engine:
            await self._follow(engine, on_progress)

    async def _open(self, names: Sequence[str]) -> Engine | Dependents:
        open_files = open_engine if ORDERS in names else open_dependents
        return await open_files(self._log, self._data.projections, names, batch=BATCH)

    async def _follow(self, engine: Engine | Dependents, on_progress: OnProgress) -> None:
        pace, reported_at = BuildPace(self._log), 0.0
        unfinished = set(engine.partitions)
        while not self._is_taken_over():
            try:
                unfinished = await engine.fold_round(unfinished or engine.partitions, lambda positions: None)
                engine.trim()
                self.stopped = dict(engine.stopped)
                if not unfinished or monotonic() - reported_at >= POLL_SECONDS:
                    reported_at = monotonic()
                    if not on_progress(await self._progress()):
                        return
                await pace.pause()
            except LogUnavailable as error:
                _log.warning("%s", error)
                unfinished = set()
            if not unfinished:
                await asyncio.sleep(POLL_SECONDS)

    async def _watch(self, on_progress: OnProgress) -> None:
        """Wait for the running server, which uses the generations of this release."""
        progress = await self._progress()
        while on_progress(progress) and not progress.is_ready:
            await asyncio.sleep(POLL_SECONDS)
            progress = await self._progress()

    async def _is_left_alone(self, on_progress: OnProgress) -> bool:
        """Return whether nobody folds the files any more, although they are not ready.

        They are several files, so each of two preparations may have overtaken the other in one, and both have ended.
        """
        if self._is_taken_over():
            return False
        before = await self._progress()
        # At random, so that one of two begins first and the other sees it.
        await asyncio.sleep(uniform(*REST_SECONDS))
        after = await self._progress()
        is_at_rest = before.projections == after.projections and not after.is_ready
        return on_progress(after) and is_at_rest and not self._is_taken_over()

    def _is_taken_over(self) -> bool:
        return bool(find_served_projections(self._data, self._names) - self._served)

    async def _progress(self) -> PreparationProgress:
        names = [name for name in self._names if name not in self.stopped]
        end = sum([await self._log.end(partition) for partition in range(self._log.partitions)])
        return PreparationProgress(list(map(self._read_progress, names)), end)

    def _read_progress(self, name: str) -> PreparedProjection:
        stored = read_stored_progress(live_generation(self._data.projections, name))
        return PreparedProjection(name, stored.folded_count, stored.is_complete, name in self._served)
