"""A command handler on a data directory, and a process that runs one until it is killed.

As a program: gives commands on a few orders, prints each request id once it is acknowledged, and never stops.
Its argument is the data directory.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.commands.spec import accepted, attempt_of, change, new_id, place

from ordertrail_server.commands import handler as handler_module
from ordertrail_server.commands.attempt import Answer
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.commands.state_store import StateStore
from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Log, Logged

ORDERS = [f"order-{number}" for number in range(5)]


class WatchedLog(EmbeddedLog):
    """Remembers from where it was read."""

    def __init__(self, directory: Path, **options: Any) -> None:
        super().__init__(directory, **options)
        self.read_from: list[int] = []

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        self.read_from.append(offset)
        return await super().read(partition, offset, limit)


def handler_of(log: Log, state: Path, definition: bytes = b"rules", capacity: int = 1_000) -> CommandHandler:
    """Return a handler that has not started."""
    return CommandHandler(log, StateStore(state, log, definition), new_id, lambda: None, capacity)


@asynccontextmanager
async def handling(log: EmbeddedLog, state: Path, definition: bytes = b"rules") -> AsyncIterator[CommandHandler]:
    """Run a handler; at the end it is stopped, and so is the log closed."""
    handler = handler_of(log, state, definition)
    try:
        await handler.start()
        yield handler
    finally:
        await handler.stop()
        await log.close()


async def handle(handler: CommandHandler, requests: Sequence[Any]) -> list[Answer]:
    """Return the answers to requests that come at once."""
    attempts = [attempt_of(request) for request in requests]
    for attempt in attempts:
        handler.submit(attempt)
    return [await attempt.answer for attempt in attempts]


async def _command_for_ever(directory: Path) -> None:
    handler_module.SNAPSHOT_SECONDS = 0.02
    log = open_to_serve(directory)
    async with handling(log, directory / "state.sqlite") as handler:
        end = await log.end(0)
        await handle(handler, [place(f"place-{order}", order) for order in ORDERS])
        for number in range(end, 1_000_000):
            requests = [change(f"{number}-{order}", number + 2, order) for order in ORDERS]
            for answer in await handle(handler, requests):
                print(accepted(answer).fact.request_id, flush=True)


if __name__ == "__main__":
    asyncio.run(_command_for_ever(Path(sys.argv[1])))
