"""Metrics of the connections to Kafka brokers, from librdkafka's statistics of the producer."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.registry import Collector

from ordertrail_server.admin.family import Labels, counter, gauge
from ordertrail_server.log.kafka.statistics import KafkaStatistics

LABELS = ("broker",)


class KafkaMetrics(Collector):
    """The metrics of one producer."""

    def __init__(self, statistics: KafkaStatistics) -> None:
        self._statistics = statistics

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        brokers = self._statistics.brokers
        client_errors = {(name,): count for name, count in self._statistics.errors.copy().items()}
        yield counter("kafka_client_errors", "Errors of the Kafka producer, by name.", ("error",), client_errors)
        messages: dict[Labels, float] = {(): self._statistics.waiting_messages}
        yield gauge("kafka_waiting_messages", "Messages that no broker has confirmed yet.", (), messages)
        errors = {(name, kind): n for name, broker in brokers.items() for kind, n in broker.errors.items()}
        yield counter("kafka_broker_errors", "Requests to a broker that failed, by kind.", (*LABELS, "kind"), errors)
        connects: dict[Labels, float] = {(name,): broker.connects for name, broker in brokers.items()}
        yield counter("kafka_broker_connects", "Attempts to connect to a broker.", LABELS, connects)
        disconnects: dict[Labels, float] = {(name,): broker.disconnects for name, broker in brokers.items()}
        yield counter("kafka_broker_disconnects", "Connections to a broker that ended.", LABELS, disconnects)
        times = {(name, q): s for name, broker in brokers.items() for q, s in broker.round_trip_seconds.items()}
        text = "How long a broker took to answer, by quantile, in the last interval."
        yield gauge("kafka_broker_round_trip_seconds", text, (*LABELS, "quantile"), times)
