"""Metrics of rebuilds and repairs of projections."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import Metric

from ordertrail_server.admin.family import Labels, counter, gauge
from ordertrail_server.admin.sampling import SampledCollector

LABELS = ("projection",)


class RebuildState(SampledCollector):
    """`rebuilt_counts` returns how many records each new generation includes that is being built, `repair_counts` how
    often each projection was repaired; a projection that never was is absent.
    """

    def __init__(
        self,
        names: list[str],
        rebuilt_counts: Callable[[], Mapping[str, int]],
        repair_counts: Mapping[str, int],
    ) -> None:
        self._names, self._rebuilt_counts, self._repair_counts = names, rebuilt_counts, repair_counts
        self._rebuilt: dict[Labels, float] = {}
        self._repairs: dict[Labels, float] = {}

    async def sample(self) -> None:
        """Read the counts."""
        self._rebuilt = {(name,): count for name, count in self._rebuilt_counts().items()}
        self._repairs = {(name,): self._repair_counts.get(name, 0) for name in self._names}

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        text = "Records that the new generation of a projection includes, while it is built."
        yield gauge("projection_rebuild_records", text, LABELS, self._rebuilt)
        yield counter("projection_repairs", "How often a damaged projection was repaired.", LABELS, self._repairs)
