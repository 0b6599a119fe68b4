"""One projection folded from a log: with `orders` in one engine, or later, with the verdicts of `orders`."""

from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

from ordertrail_server.log.port import Log
from ordertrail_server.projections.opened_engine import open_dependents, open_engine

Fold = Callable[[str, Log, Path, int], Awaitable[None]]

ONE_BATCH = 1_000


async def fold_live(name: str, log: Log, directory: Path, batch: int = ONE_BATCH) -> None:
    """Fold the log into `orders` and the projection, batch by batch."""
    with closing(await open_engine(log, directory, [name], batch=batch)) as engine:
        await engine.catch_up()
        assert engine.stopped == {}


async def fold_later(name: str, log: Log, directory: Path, batch: int = ONE_BATCH) -> None:
    """Fold the log into `orders` first, and then with its verdicts into the projection."""
    with closing(await open_engine(log, directory, [])) as engine:
        await engine.catch_up()
    with closing(await open_dependents(log, directory, [name], batch=batch)) as dependents:
        unfinished = set(dependents.partitions)
        while unfinished:
            unfinished = await dependents.fold_round(unfinished, lambda positions: None)
        assert dependents.stopped == {}
