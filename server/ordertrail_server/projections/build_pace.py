"""The pace of a build: it leaves time to commands while the log grows."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from time import monotonic

from ordertrail_server.log.port import Log

NICENESS = 10
BATCH = 500
"""How many records a build folds at once, so that it often gives way."""

AUTOGROUP = Path("/proc/self/autogroup")

LONGEST_PAUSE_SECONDS = 0.5


class BuildPace:
    """Pauses for as long as the work took, if the log has grown meanwhile. For one task."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._end = -1
        self._begun_at = monotonic()

    async def pause(self) -> None:
        """Pause after a batch. Raises LogUnavailable."""
        end = sum([await self._log.end(partition) for partition in range(self._log.partitions)])
        if end != self._end:
            self._end = end
            await asyncio.sleep(min(monotonic() - self._begun_at, LONGEST_PAUSE_SECONDS))
        self._begun_at = monotonic()


def lower_priority() -> None:
    """Let all other processes go before this one."""
    os.nice(NICENESS)
    if os.getsid(0) == os.getpid():
        # Linux can schedule each session as a group. Then niceness counts within a group only.
        with suppress(OSError):
            AUTOGROUP.write_text(str(NICENESS))
