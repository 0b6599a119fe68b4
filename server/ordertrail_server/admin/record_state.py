"""Metrics of records by verdict, and of parked orders: the counts in the file of the projection `orders`."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import Metric

from ordertrail_server.admin.family import Labels, counter, gauge
from ordertrail_server.admin.sampling import SampledCollector
from ordertrail_server.orders.chain import Verdict
from ordertrail_server.projections.record_counts import RecordCounter, RecordCounts


class RecordState(SampledCollector):
    """`find_file` returns the live file of the projection; it blocks, and may raise OSError.

    Every verdict has a value from the start, because Prometheus does not see how much a new series has grown. The
    counts never go down while the server runs, because Prometheus would take that for a restart.
    """

    def __init__(self, partitions: int, find_file: Callable[[], Path]) -> None:
        self._find_file, self._counter = find_file, RecordCounter()
        self._records: dict[Labels, float] = {
            (str(partition), verdict.value): 0 for partition in range(partitions) for verdict in Verdict
        }
        self._counts: RecordCounts | None = None

    async def sample(self) -> None:
        """Read the counts; keep the last ones while the file cannot be read."""
        counts = await asyncio.to_thread(self._read)
        if counts is None:
            return
        records = dict(self._records)
        for (partition, verdict), count in counts.verdicts.items():
            labels = str(partition), verdict
            records[labels] = max(count, records[labels])
        self._records, self._counts = records, counts

    def _read(self) -> RecordCounts | None:
        return self._counter.read(self._find_file())

    async def close(self) -> None:
        """Close the file."""
        await asyncio.to_thread(self._counter.close)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; no values before the file exists."""
        counts = self._counts
        yield counter("records", "Records that were folded, by verdict.", ("partition", "verdict"), self._records)
        parked, waiting = ({}, {}) if counts is None else ({(): counts.parked_count}, {(): counts.waiting_count})
        yield gauge("parked_orders", "Orders with facts that cannot be folded.", (), parked)
        yield gauge("waiting_facts", "Facts of parked orders that wait.", (), waiting)
