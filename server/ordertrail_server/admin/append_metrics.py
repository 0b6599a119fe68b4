"""Metrics of appends to the log: their outcomes, sizes and durations."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from ordertrail_server.commands.command_observer import AppendOutcome

RECORDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class AppendMetrics:
    """Counts and times appends: once for each batch, not for each record."""

    def __init__(self, registry: CollectorRegistry) -> None:
        appends = Counter("ordertrail_appends", "Appends of batches by outcome.", ("outcome",), registry=registry)
        self._appends = {outcome: appends.labels(outcome.value) for outcome in AppendOutcome}
        self._bytes = Counter("ordertrail_append_bytes", "Bytes of records in appends.", registry=registry)
        self._records = Histogram(
            "ordertrail_append_records", "Records of an append.", buckets=RECORDS, registry=registry
        )
        self._seconds = Histogram(
            "ordertrail_append_seconds",
            "How long an append took until its records were durable.",
            buckets=SECONDS,
            registry=registry,
        )

    def note_append(self, outcome: AppendOutcome, record_count: int, byte_count: int, seconds: float) -> None:
        """Count and time an append."""
        self._appends[outcome].inc()
        self._bytes.inc(byte_count)
        self._records.observe(record_count)
        self._seconds.observe(seconds)
