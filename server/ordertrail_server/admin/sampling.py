"""Samples a server's state regularly, because other threads must not read what the event loop changes."""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Sequence

from prometheus_client.registry import Collector

from ordertrail_server.log.port import LogDamaged, LogUnavailable

_log = logging.getLogger(__name__)

SAMPLE_SECONDS = 5.0
"""How often a sample is taken. So old can its metrics be."""


class SampledCollector(Collector):
    """Hands out its last sample to any thread."""

    @abstractmethod
    async def sample(self) -> None:
        """Take a sample, on the event loop. Raises LogUnavailable, LogDamaged."""


async def sample_regularly(collectors: Sequence[SampledCollector]) -> None:
    """Sample for ever, also while the log is unavailable. Raises LogDamaged."""
    while True:
        for collector in collectors:
            await _sample(collector)
        await asyncio.sleep(SAMPLE_SECONDS)


async def _sample(collector: SampledCollector) -> None:
    try:
        await collector.sample()
    except LogDamaged:
        raise
    except LogUnavailable:
        return
    except Exception:  # metrics must not end the server
        _log.exception("metrics could not be sampled, and stay as they are")
