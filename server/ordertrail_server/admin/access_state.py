"""Metrics of files that the server reads again when they change: the policy with its keys, and the certificates."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.registry import Collector

from ordertrail_server.admin.family import gauge


class AccessState(Collector):
    """`fault_counts` returns the number of present faults of each source, in any thread."""

    def __init__(self, fault_counts: Callable[[], Mapping[str, int]]) -> None:
        self._fault_counts = fault_counts

    def collect(self) -> Iterator[Metric]:
        """Yield the metric."""
        counts = {(source,): count for source, count in self._fault_counts().items()}
        text = "Faults because of which the last good version of a file or key set remains in use."
        yield gauge("access_faults", text, ("source",), counts)
