"""The largest memory of a server while something runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.e2e.running_server import RunningServer

MEBIBYTE = 1 << 20


class MemoryWatch:
    """The resident memory of a server's process at the beginning, and its maximum since then."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self.first = self.largest = server.resident_bytes

    @property
    def growth(self) -> int:
        return self.largest - self.first

    def __str__(self) -> str:
        return f"memory {self.first / MEBIBYTE:.0f} MiB, at most {self.growth / MEBIBYTE:+.0f} MiB"

    def note(self) -> None:
        self.largest = max(self.largest, self._server.resident_bytes)


@asynccontextmanager
async def watch_memory(server: RunningServer) -> AsyncIterator[MemoryWatch]:
    """Note the memory of a server ten times a second while the body runs."""
    watch = MemoryWatch(server)

    async def note_repeatedly() -> None:
        while True:
            watch.note()
            await asyncio.sleep(0.1)

    task = asyncio.create_task(note_repeatedly())
    try:
        yield watch
    finally:
        task.cancel()
        watch.note()
