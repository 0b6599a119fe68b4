"""Metrics of streams of events."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.registry import Collector

from ordertrail_server.admin.family import counter, gauge
from ordertrail_server.history.streaming.stream_hub import StreamHub


class StreamState(Collector):
    """The streams of one server."""

    def __init__(self, hub: StreamHub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        counts = {("followed",): self._hub.followed_count, ("replayed",): self._hub.replayed_count}
        yield gauge(
            "open_streams", "Open streams of events that follow the log, or end at a position.", ("kind",), counts
        )
        text = "How often a stream that follows the log fell behind it."
        yield counter("streams_fell_behind", text, (), {(): self._hub.fell_behind_count})
