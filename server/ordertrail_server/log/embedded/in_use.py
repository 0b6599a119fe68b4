"""Opens an embedded log, also if another process such as a backup still keeps its file open."""

import asyncio
import logging
from contextlib import AsyncExitStack
from time import monotonic
from typing import Protocol

from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import LogInUse
from ordertrail_server.storage.lock import DirectoryLock

_log = logging.getLogger(__name__)

RETRY_SECONDS = 0.1
REPORT_SECONDS = 10.0


class OpenLog(Protocol):
    """A function that opens a log, as EmbeddedLog.open with its directory."""

    def __call__(self, *, lock: DirectoryLock) -> EmbeddedLog:
        """Open the log under the lock, which the caller keeps."""


async def open_when_free(open_log: OpenLog, stack: AsyncExitStack) -> EmbeddedLog:
    """Call `open_log` again until it no longer raises LogInUse, and return its result. Log the wait regularly.

    After a kill the log must be made durable before the first append, and a reader such as a backup prevents this. The
    wait has no limit, but can be cancelled. The directory's lock is held until `stack` is closed, also during the wait,
    so that no other server can take the directory. Close the log first. Raises the other errors of `open_log`.
    """
    reported = -REPORT_SECONDS
    lock = DirectoryLock(stack)
    while True:
        try:
            return open_log(lock=lock)
        except LogInUse as in_use:
            if monotonic() - reported >= REPORT_SECONDS:
                reported = monotonic()
                _log.warning("%s; waiting until it is closed", in_use)
        await asyncio.sleep(RETRY_SECONDS)
