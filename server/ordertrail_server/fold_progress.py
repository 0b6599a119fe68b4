"""Logs the progress of a long fold, because commands and queries wait for it."""

import asyncio
import logging
from collections.abc import Mapping

from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.progress import Progress

PAUSE_SECONDS = 2.0

_log = logging.getLogger(__name__)


async def log_fold_progress(
    progress_by_name: Mapping[str, Progress], ends: Offsets, pause_seconds: float = PAUSE_SECONDS
) -> None:
    """Log every `pause_seconds` how far each projection is folded, until all include everything before `ends`.

    A fold that takes less time is not logged.
    """
    logs = (_log_progress(name, progress, ends, pause_seconds) for name, progress in progress_by_name.items())
    await asyncio.gather(*logs)


async def _log_progress(name: str, progress: Progress, ends: Offsets, pause_seconds: float) -> None:
    complete = asyncio.create_task(progress.wait_reached(dict(enumerate(ends))))
    total, logged_count = sum(ends), None
    try:
        while not (await asyncio.wait({complete}, timeout=pause_seconds))[0]:
            folded_count = sum(min(progress.positions.get(partition, 0), end) for partition, end in enumerate(ends))
            if progress.positions and logged_count != folded_count < total:
                _log.info("folding the log: %s of %s records (%s)", f"{folded_count:,}", f"{total:,}", name)
                logged_count = folded_count
        if logged_count is not None:
            _log.info("folded the log: %s records (%s)", f"{total:,}", name)
    finally:
        complete.cancel()
