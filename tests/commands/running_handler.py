"""A running command handler beside a projector in the same process, for tests and as a program.

The program takes a data directory. It sends commands on a few orders, and prints each request id once the command is
acknowledged, until it is killed.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from tests.commands.running_writer import require_accepted
from tests.commands.sample_requests import build_change_quantity, build_place_order, new_id, prepare_attempt

from ordertrail_server.commands.attempt import Answer
from ordertrail_server.commands.fold import TAIL_BYTES
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.commands.projection_start import ProjectionStart
from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.log.port import Log
from ordertrail_server.log.progress import Progress
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.dependents import Positions
from ordertrail_server.projections.engine import Engine
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine

ORDER_IDS = [f"order-{number}" for number in range(5)]


def create_handler(
    log: Log, directory: Path, progress: Progress, capacity: int = 1_000, tail_bytes: int = TAIL_BYTES
) -> CommandHandler:
    """Return a handler that has not started; something else must project the log."""
    start = ProjectionStart(live_generation(directory, ORDERS), log, progress)
    return CommandHandler(log, start, new_id, lambda: None, capacity, tail_bytes=tail_bytes)


async def project_once(log: Log, directory: Path) -> None:
    """Project the log up to its end."""
    with closing(await open_engine(log, directory, [ORDERS])) as engine:
        await engine.catch_up()


class ProjectedHandler:
    """A handler, and the projector of its log in the same process.

    While `may_project` is not set, nothing is projected.
    """

    def __init__(self, log: Log, directory: Path, capacity: int = 1_000, tail_bytes: int = TAIL_BYTES) -> None:
        self._log, self._directory = log, directory
        self.progress, self.may_project = Progress(), asyncio.Event()
        self.may_project.set()
        self.handler = create_handler(log, directory, self.progress, capacity, tail_bytes)
        self.engine: Engine | None = None

    @asynccontextmanager
    async def run(self) -> AsyncIterator[CommandHandler]:
        """Run both; at the end stop both."""
        tasks = [asyncio.create_task(self._project()), asyncio.create_task(self.handler.run())]
        ready = asyncio.create_task(self.handler.wait_until_ready())
        try:
            await asyncio.wait([ready, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
            yield self.handler
        finally:
            await self.handler.stop()
            for task in (ready, *tasks):
                task.cancel()
            await asyncio.gather(ready, *tasks, return_exceptions=True)

    async def wait_projected(self) -> None:
        """Return once everything is projected that is on the log now."""
        ends = {partition: await self._log.end(partition) for partition in range(self._log.partitions)}
        await asyncio.wait_for(self.progress.wait_reached(ends), 30)

    async def retry(self, order_id: str) -> int | None:
        """Retry a parked order, as a server does on request."""
        await self.progress.wait_reached({})  # the first report
        assert self.engine is not None
        return await self.engine.retry(order_id)

    async def _project(self) -> None:
        with closing(await open_engine(self._log, self._directory, [ORDERS])) as self.engine:
            self._report(self.engine.positions)
            while True:
                await self.may_project.wait()
                ends = [await self._log.end(partition) for partition in range(self._log.partitions)]
                await self.engine.catch_up(self._report)
                await self._wait_growth(ends)

    async def _wait_growth(self, ends: Sequence[int]) -> None:
        waits = [asyncio.ensure_future(self._log.wait(partition, end)) for partition, end in enumerate(ends)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _report(self, positions: Positions) -> None:
        self.progress.advance(positions[ORDERS])
        self.handler.note_projected(positions[ORDERS])


@asynccontextmanager
async def run_handler(
    log: Log, directory: Path, capacity: int = 1_000, tail_bytes: int = TAIL_BYTES
) -> AsyncIterator[CommandHandler]:
    """Run a handler and a projector with its files in `directory`; at the end stop both and close the log."""
    async with ProjectedHandler(log, directory, capacity, tail_bytes).run() as handler:
        yield handler
    await log.close()


async def handle(handler: CommandHandler, requests: Sequence[Any]) -> list[Answer]:
    """Submit the requests together and return their answers."""
    attempts = [prepare_attempt(request) for request in requests]
    for attempt in attempts:
        handler.submit(attempt)
    return [await attempt.answer for attempt in attempts]


async def _run_until_killed(directory: Path) -> None:
    log = open_to_serve(directory)
    async with run_handler(log, directory / "projections") as handler:
        end = await log.end(0)
        await handle(handler, [build_place_order(f"place-{order}", order) for order in ORDER_IDS])
        for number in range(end, 1_000_000):
            requests = [build_change_quantity(f"{number}-{order}", number + 2, order) for order in ORDER_IDS]
            for request, answer in zip(requests, await handle(handler, requests), strict=True):
                require_accepted(answer)
                print(request.request_id, flush=True)


if __name__ == "__main__":
    asyncio.run(_run_until_killed(Path(sys.argv[1])))
