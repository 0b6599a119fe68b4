"""Opens an embedded log that another process may keep open."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import LogInUse

_log = logging.getLogger(__name__)

AGAIN_SECONDS = 0.1
REPORT_SECONDS = 10.0


async def open_when_free(open_log: Callable[[], EmbeddedLog]) -> EmbeddedLog:
    """Call `open_log` again until it no longer raises LogInUse, and return its result. Log the wait regularly.

    After a kill the log must be made durable before the first append, and a reader such as a backup prevents this. The
    wait has no limit, but can be cancelled. Raises the other errors of `open_log`.
    """
    reported = -REPORT_SECONDS
    while True:
        try:
            return open_log()
        except LogInUse as in_use:
            if monotonic() - reported >= REPORT_SECONDS:
                reported = monotonic()
                _log.warning("%s; waiting until it is closed", in_use)
        await asyncio.sleep(AGAIN_SECONDS)
