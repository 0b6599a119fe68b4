"""What librdkafka reports about its connections to the brokers, and its errors.

The fields of its statistics: https://github.com/confluentinc/librdkafka/blob/master/STATISTICS.md
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from confluent_kafka import KafkaError

INTERVAL_MS = 5_000
# Addresses that the operator gave, and brokers that these named. The others stand for roles, such as a coordinator.
_BROKERS = ("configured", "learned")


class BrokerStatistics(NamedTuple):
    """The connection to one broker: counts since the start of the client, and round trips of the last interval."""

    errors: Mapping[str, int]
    connects: int
    disconnects: int
    round_trip_seconds: Mapping[str, float]


class KafkaStatistics:
    """The last statistics of a client, and the number of its errors by name. librdkafka's threads write it."""

    def __init__(self) -> None:
        # The common ones have a value from the start, because Prometheus does not see how much a new series has grown.
        self.errors: Counter[str] = Counter({"_TRANSPORT": 0, "_ALL_BROKERS_DOWN": 0})
        self.brokers: Mapping[str, BrokerStatistics] = {}
        self.waiting_messages = 0
        """Messages that were produced and are not delivered yet."""

    def settings(self, user_settings: Mapping[str, object]) -> dict[str, object]:
        """Return settings with which a client reports its statistics here. The user may choose the interval."""
        interval_ms = user_settings.get("statistics.interval.ms", INTERVAL_MS)
        return {"statistics.interval.ms": interval_ms, "stats_cb": self.note_statistics}

    def note_statistics(self, text: str) -> None:
        """Note the statistics that librdkafka reports as JSON."""
        report = json.loads(text)
        brokers = report.get("brokers", {}).items()
        self.brokers = {name: _read_broker(broker) for name, broker in brokers if broker.get("source") in _BROKERS}
        self.waiting_messages = report.get("msg_cnt", 0)

    def note_error(self, error: KafkaError) -> None:
        """Count an error that librdkafka reports."""
        self.errors[error.name()] += 1


def _read_broker(broker: Mapping[str, Any]) -> BrokerStatistics:
    errors = {"send": broker["txerrs"], "receive": broker["rxerrs"], "timeout": broker["req_timeouts"]}
    round_trips = {"0.5": broker["rtt"]["p50"] / 1e6, "0.99": broker["rtt"]["p99"] / 1e6}
    return BrokerStatistics(errors, broker["connects"], broker["disconnects"], round_trips)
