"""Metrics of a server's state: its log, its projections, its queues and its files."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import time_ns

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ordertrail_server.history.recency import FollowingRecency
from ordertrail_server.log.port import Log, LogUnavailable
from ordertrail_server.log.progress import Progress

SAMPLE_SECONDS = 5.0
"""How often the ends of the log and the sizes of files are read. So old can these metrics be."""

FOLDED = "projection", "partition"


class ServerState(Collector):
    """Samples from the event loop, and hands out the last sample to any thread.

    `waiting_commands` returns the number of queued commands of each partition.
    """

    def __init__(
        self, log: Log, projections: Mapping[str, Progress], waiting_commands: Callable[[], Sequence[int]], data: Path
    ) -> None:
        self._log, self._projections, self._waiting_commands, self._data = log, projections, waiting_commands, data
        self._recencies = {name: FollowingRecency(progress, time_ns()) for name, progress in projections.items()}
        self._ends: dict[int, int] = {}
        self._sizes: dict[str, int] = {}

    async def sample_regularly(self) -> None:
        """Sample for ever, also while the log is unavailable. Raises LogDamaged."""
        while True:
            with suppress(LogUnavailable):
                await self._query_ends()
            self._sizes = await asyncio.to_thread(_read_sizes, self._data)
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _query_ends(self) -> None:
        queried_at = time_ns()
        ends = {partition: await self._log.end(partition) for partition in range(self._log.partitions)}
        self._ends = ends
        for recency in self._recencies.values():
            recency.note_ends(queried_at, ends)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics."""
        yield self._log_ends()
        yield from self._lags()
        waiting = _family("ordertrail_waiting_commands", "Commands that wait for a decision.", "partition")
        for partition, count in enumerate(self._waiting_commands()):
            waiting.add_metric([str(partition)], count)
        yield waiting
        sizes = _family("ordertrail_file_bytes", "The sizes of files in the data directory.", "file")
        for name, size in self._sizes.items():
            sizes.add_metric([name], size)
        yield sizes

    def _log_ends(self) -> GaugeMetricFamily:
        ends = _family("ordertrail_log_end_offset", "The offset that the next record will get.", "partition")
        for partition, end in self._ends.items():
            ends.add_metric([str(partition)], end)
        return ends

    def _lags(self) -> Iterator[GaugeMetricFamily]:
        lag = _family("ordertrail_projection_lag_records", "Records that a projection does not include yet.", *FOLDED)
        age = _family("ordertrail_projection_lag_seconds", "A projection includes all that is older.", "projection")
        now = time_ns()
        for name, progress in self._projections.items():
            positions = dict(progress.positions)
            for partition, end in self._ends.items():
                lag.add_metric([name, str(partition)], max(0, end - positions.get(partition, 0)))
            complete_at = self._recencies[name].current_at or now
            age.add_metric([name], max(0, now - complete_at) / 1e9)
        yield lag
        yield age


def _family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)


def _read_sizes(data: Path) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for path in sorted(data.rglob("*.sqlite*")):
        with suppress(OSError):  # a file that was just removed
            sizes[str(path.relative_to(data))] = path.stat().st_size
    return sizes
