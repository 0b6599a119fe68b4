"""Folds the log afresh into files of an audit, each exactly up to the position of the live generation."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from time import monotonic

from ordertrail_server.log.port import Log
from ordertrail_server.projections.audit.bounded_log import BoundedLog
from ordertrail_server.projections.build_pace import BATCH, BuildPace
from ordertrail_server.projections.catalog import ORDERS, OWN_NAMES
from ordertrail_server.projections.dependents import Dependents
from ordertrail_server.projections.engine import Engine
from ordertrail_server.projections.opened_engine import open_dependents, open_engine
from ordertrail_server.projections.projection_error import ProjectionFailed
from ordertrail_server.storage.connection import Connection

SECOND = 2
"""The number of the generation of a projection that is folded alone."""
RETRY_SECONDS = 0.1
"""How often a fold looks for records that a live generation includes while the reported end of a log may be stale."""

Offsets = Mapping[int, int]
OnFolded = Callable[[int], None]


class FreshFold:
    """The files of one audit in a directory of their own. `close` it before the directory is removed.

    The server's own projections among `names` are folded in one pass, with `orders` in any case. Those of other
    packages are folded alone, so that none stops others. `on_folded` gets the number of folded records after each
    batch. If `pace` is given, the fold gives way to commands.
    """

    def __init__(
        self, log: Log, directory: Path, names: Collection[str], pace: BuildPace | None, on_folded: OnFolded
    ) -> None:
        self._together = {ORDERS, *(name for name in names if name in OWN_NAMES)}
        self._log, self._directory, self._pace, self._on_folded = log, directory, pace, on_folded
        self._bounded = BoundedLog(log, {})
        self._stack = ExitStack()
        self._engine: Engine | None = None

    async def open(self) -> None:
        """Create the files of the projections that are folded together."""
        engine = await open_engine(self._bounded, self._directory, self._together, batch=BATCH)
        self._engine = self._stack.enter_context(closing(engine))

    def close(self) -> None:
        """Close all files."""
        self._stack.close()

    @property
    def orders(self) -> Connection:
        """The connection of the file of `orders`."""
        return self._opened.connection_of(ORDERS)

    def is_together(self, name: str) -> bool:
        """Return whether a projection is folded together with others."""
        return name in self._together

    async def fold_together(self, ends: Offsets) -> None:
        """Fold the log up to these offsets, at least. Raises LogDamaged, LogUnavailable, sqlite3.Error."""
        reached = self._bounded.ends
        self._bounded.ends = {partition: max(end, reached.get(partition, 0)) for partition, end in ends.items()}
        await self._fold(self._opened, self._bounded)

    async def fold_exactly(self, name: str, ends: Offsets) -> Connection:
        """Fold a projection up to these offsets and no further, and return the connection of its file.

        If the log ends before, the file ends there. Raises ProjectionFailed and ProjectionRefused if the code of the
        projection fails, and what `fold_together` raises.
        """
        if name != ORDERS or self.precedes(name, ends):
            await self.fold_together(ends)
        if name in self._opened.stopped:
            raise ProjectionFailed(self._opened.stopped[name])
        if name in self._together and self._bounded.ends == ends:
            return self._opened.connection_of(name)
        return await self._fold_alone(name, ends)

    def precedes(self, name: str, ends: Offsets) -> bool:
        """Return whether the projections that are folded together can still be folded exactly up to these offsets."""
        reached = self._bounded.ends
        return not self.is_together(name) or all(
            offset <= ends.get(partition, 0) for partition, offset in reached.items()
        )

    @property
    def _opened(self) -> Engine:
        assert self._engine is not None
        return self._engine

    async def _fold_alone(self, name: str, ends: Offsets) -> Connection:
        log = BoundedLog(self._log, ends)
        fold: Engine | Dependents
        if name == ORDERS:
            fold = await open_engine(log, self._directory, [], {ORDERS: SECOND}, BATCH)
        else:
            fold = await open_dependents(log, self._directory, [name], {name: SECOND}, BATCH)
        self._stack.enter_context(closing(fold))
        await self._fold(fold, log)
        return fold.connection_of(name)

    async def _fold(self, fold: Engine | Dependents, log: BoundedLog) -> None:
        """Fold until all projections include everything before the ends of the log, or nothing more arrives."""
        changed_at = monotonic()
        while True:
            before = fold.positions
            await fold.fold_round(fold.partitions, lambda positions: None)
            fold.trim()
            if fold is self._engine:
                self._on_folded(sum(fold.positions[ORDERS].values()))
            if not _lacks_records(fold, log):
                return
            if fold.positions != before:
                changed_at = monotonic()
            elif _is_current(log, monotonic() - changed_at):
                return
            else:
                await asyncio.sleep(RETRY_SECONDS)
            if self._pace is not None:
                await self._pace.pause()


def _is_current(log: BoundedLog, wait_seconds: float) -> bool:
    """Return whether the end that a log has reported for so long includes everything that others saw before."""
    return log.capabilities.current_end or wait_seconds > log.capabilities.max_end_staleness_seconds


def _lacks_records(fold: Engine | Dependents, log: BoundedLog) -> bool:
    positions = fold.positions.values()
    return any(offsets.get(partition, 0) < end for offsets in positions for partition, end in log.ends.items())
