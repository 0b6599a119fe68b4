"""Opening an embedded log whose file another process keeps open."""

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
    """Return what `open_log` returns, once no other process stands in the way; until then say so now and then.

    After a kill the log has to be made durable before anything is appended to it, and a reader such as a backup keeps
    SQLite from doing so. It waits for as long as that takes, and can be cancelled. Raises what `open_log` raises.
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
