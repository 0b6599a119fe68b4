"""A running command handler, for tests and as a program.

The program takes a data directory. It sends commands on a few orders, and prints each request id once the command is
acknowledged, until it is killed.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.commands.running_writer import require_accepted
from tests.commands.sample_requests import build_change_quantity, build_place_order, new_id, prepare_attempt

from ordertrail_server.commands import snapshot_saver
from ordertrail_server.commands.attempt import Answer
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.commands.state_store import StateStore
from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Log, Logged

ORDERS = [f"order-{number}" for number in range(5)]


class ReadRecordingLog(EmbeddedLog):
    """Records the offsets at which reads begin."""

    def __init__(self, directory: Path, **options: Any) -> None:
        super().__init__(directory, **options)
        self.read_offsets: list[int] = []

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        self.read_offsets.append(offset)
        return await super().read(partition, offset, limit)


def build_handler(log: Log, state: Path, definition: bytes = b"rules", capacity: int = 1_000) -> CommandHandler:
    """Return a handler that has not started."""
    return CommandHandler(log, StateStore(state, log, definition), new_id, lambda: None, capacity)


@asynccontextmanager
async def run_handler(log: EmbeddedLog, state: Path, definition: bytes = b"rules") -> AsyncIterator[CommandHandler]:
    """Run a handler; at the end stop it and close the log."""
    handler = build_handler(log, state, definition)
    try:
        await handler.start()
        yield handler
    finally:
        await handler.stop()
        await log.close()


async def handle(handler: CommandHandler, requests: Sequence[Any]) -> list[Answer]:
    """Submit the requests together and return their answers."""
    attempts = [prepare_attempt(request) for request in requests]
    for attempt in attempts:
        handler.submit(attempt)
    return [await attempt.answer for attempt in attempts]


async def _run_until_killed(directory: Path) -> None:
    snapshot_saver.SNAPSHOT_SECONDS = 0.02
    log = open_to_serve(directory)
    async with run_handler(log, directory / "state.sqlite") as handler:
        end = await log.end(0)
        await handle(handler, [build_place_order(f"place-{order}", order) for order in ORDERS])
        for number in range(end, 1_000_000):
            requests = [build_change_quantity(f"{number}-{order}", number + 2, order) for order in ORDERS]
            for answer in await handle(handler, requests):
                print(require_accepted(answer).fact.request_id, flush=True)


if __name__ == "__main__":
    asyncio.run(_run_until_killed(Path(sys.argv[1])))
