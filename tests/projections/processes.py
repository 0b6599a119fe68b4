"""The projector's process in tests: its progress and its end."""

import asyncio
import os
import sys
from pathlib import Path

from ordertrail_server.log.source import EmbeddedSource
from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.projections.supervisor import COMMAND, ProjectorProcess

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


NAMES = (ORDERS, HISTORY)


def build_projector_command(data: Path) -> list[str]:
    """Return the command that runs the projector of an embedded log."""
    return [*COMMAND, EmbeddedSource(data).to_json(), ",".join(NAMES), "{}"]


class ReportedOffset:
    """The offset of partition 0 that a projector reported last for all of its projections; for `on_progress`."""

    def __init__(self) -> None:
        self._offsets = dict.fromkeys(NAMES, -1)
        self._moved = asyncio.Event()

    @property
    def offset(self) -> int:
        return min(self._offsets.values())

    def __call__(self, name: str, positions: dict[int, int]) -> None:
        self._offsets[name] = positions[0]
        self._moved.set()

    async def at_least(self, offset: int) -> None:
        async with asyncio.timeout(20):
            while self.offset < offset:
                self._moved.clear()
                await self._moved.wait()


async def wait_gone(pid: int) -> None:
    """Return when the process has ended; its new parent may not have reaped it yet."""
    async with asyncio.timeout(20):
        while runs(pid):  # noqa: ASYNC110 (no event signals the end of a process that is no child)
            await asyncio.sleep(0.01)


def runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


async def wait_refused(projector: ProjectorProcess) -> str:
    """Wait until the projector refuses to continue, and return the reason."""
    async with asyncio.timeout(20):
        while projector.failure is None:  # noqa: ASYNC110 (a state that is polled, as health checks do)
            await asyncio.sleep(0.01)
    return projector.failure
