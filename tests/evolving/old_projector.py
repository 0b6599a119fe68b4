"""The projector of the old release in a separate process, on the log of a running server."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple

from tests.e2e.running_server import build_environment
from tests.projections.processes import build_projector_command

from ordertrail.v1.order_pb2 import Order
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.storage.connection import connect_reader

SECONDS = 20.0


class Folded(NamedTuple):
    """The state of a projected order: its newest version, the folded version, and why it is parked."""

    newest: int
    version: int
    parked: str | None


class OldProjector:
    """Follows the log of a data directory. Tests read its results from the file of `orders`."""

    def __init__(self, process: Process, data: Path) -> None:
        self._process = process
        self._file = live_generation(DataDirectory(data).projections, ORDERS)

    async def reaches(self, offset: int) -> None:
        """Wait until it has folded all records before this offset."""
        assert self._process.stdout is not None
        reached = -1
        while reached < offset:
            line = await asyncio.wait_for(self._process.stdout.readline(), SECONDS)
            reached = min(offsets["0"] for offsets in json.loads(line)["positions"].values())

    def orders(self) -> dict[str, Folded]:
        with closing(connect_reader(self._file)) as connection:
            rows = connection.execute("SELECT order_id, version, state, parked FROM orders").fetchall()
        return {row[0]: Folded(row[1], Order.FromString(row[2] or b"").version, row[3]) for row in rows}

    def waiting(self) -> list[str]:
        """Return the order ids of the parked facts, in the order of the log."""
        with closing(connect_reader(self._file)) as connection:
            return [row[0] for row in connection.execute("SELECT order_id FROM ordertrail_waiting ORDER BY position")]


@asynccontextmanager
async def old_projector(data: Path) -> AsyncIterator[OldProjector]:
    """Run it on a data directory, which a server may use, too. It stops at the end of its stdin."""
    command = build_projector_command(data)
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, env=build_environment())
    try:
        yield OldProjector(process, data)
    finally:
        await asyncio.wait_for(process.communicate(b""), SECONDS)
    assert process.returncode == 0
