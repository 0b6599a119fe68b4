"""Metrics of the log's ends, and of the projections' lag behind them."""

from collections.abc import Callable, Iterator, Mapping
from time import time_ns

from prometheus_client import Metric

from ordertrail_server.admin.family import by_partition, gauge
from ordertrail_server.admin.lag_clock import LagClock, set_positions
from ordertrail_server.admin.sampling import SampledCollector
from ordertrail_server.log.port import Log

FOLDED = "projection", "partition"


class LogState(SampledCollector):
    """`stopped_reason` returns why a projection that lacks some records has stopped, else "".

    While the log is unavailable, the last known ends stay, and `ordertrail_log_sample_age_seconds` grows.
    """

    def __init__(self, log: Log, names: list[str], stopped_reason: Callable[[str, int], str]) -> None:
        self._log, self._stopped_reason = log, stopped_reason
        self._sampled_at = now = time_ns()
        self.ends: Mapping[int, int] = {}
        """The ends of the partitions at the last sample."""
        partitions = range(log.partitions)
        self._clocks = {name: {partition: LagClock(now) for partition in partitions} for name in names}
        self._stopped = dict.fromkeys(names, False)

    def note_positions(self, name: str, positions: Mapping[int, int]) -> None:
        """Note how far a projection is."""
        if name in self._clocks:
            set_positions(self._clocks[name], positions)

    async def sample(self) -> None:
        """Query the ends of the log. Raises LogUnavailable, LogDamaged."""
        queried_at = time_ns()
        ends = {partition: await self._log.end(partition) for partition in range(self._log.partitions)}
        self.ends, self._sampled_at = ends, queried_at
        for name, clocks in self._clocks.items():
            for partition, clock in clocks.items():
                clock.note_end(queried_at, ends[partition])
            lag_count = sum(clock.records for clock in clocks.values())
            self._stopped[name] = bool(self._stopped_reason(name, lag_count))

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        now, ends = time_ns(), dict(self.ends)
        age_s = max(0, now - self._sampled_at) / 1e9
        yield gauge(
            "log_end_offset", "The offset that the next record will get.", FOLDED[1:], by_partition(ends.items())
        )
        yield gauge("log_sample_age_seconds", "The time since the ends of the log were queried.", (), {(): age_s})
        lags = {(name, str(number)): clock for name, clocks in self._clocks.items() for number, clock in clocks.items()}
        counts = {labels: clock.records for labels, clock in lags.items()}
        yield gauge("projection_lag_records", "Records that a projection does not include yet.", FOLDED, counts)
        ages = {labels: clock.seconds(now) for labels, clock in lags.items()}
        yield gauge("projection_lag_seconds", "How long a projection has not included the whole log.", FOLDED, ages)
        stopped = {(name,): float(is_stopped) for name, is_stopped in self._stopped.items()}
        yield gauge("projection_stopped", "1 if a projection has stopped or hangs.", FOLDED[:1], stopped)
