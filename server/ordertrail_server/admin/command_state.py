"""Metrics of commands that wait."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import Metric
from prometheus_client.registry import Collector

from ordertrail_server.admin.family import by_partition, gauge


class CommandState(Collector):
    """`waiting_counts` returns the number of queued commands of each partition, in any thread."""

    def __init__(self, waiting_counts: Callable[[], Sequence[int]]) -> None:
        self._waiting_counts = waiting_counts

    def collect(self) -> Iterator[Metric]:
        """Yield the metric."""
        waiting = by_partition(enumerate(self._waiting_counts()))
        yield gauge("waiting_commands", "Commands that wait for a decision.", ("partition",), waiting)
