"""Metrics of the subscriptions that this server serves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from time import time_ns
from typing import NamedTuple

from prometheus_client import Metric

from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.admin.family import counter, gauge
from ordertrail_server.admin.sampling import SampledCollector
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.subscriptions.running_subscription import RunningSubscription
from ordertrail_server.subscriptions.subscriptions import Subscriptions
from ordertrail_server.webhooks.served_subscriptions import ServedSubscriptions

LABELS = ("subscription",)


class SubscriptionSample(NamedTuple):
    """One subscription at one moment."""

    lag_records: int
    lag_seconds: float
    consumers: int
    in_flight: int
    parked_orders: int
    is_stopped: bool
    answers: Mapping[str, int]


GAUGES = {
    "lag_records": ("lag_records", "Records behind the position up to which a subscription is done."),
    "lag_seconds": ("lag_seconds", "The age of the oldest event that is not done."),
    "consumers": ("consumers", "Connected consumers."),
    "in_flight": ("in_flight_events", "Events that were handed out and are not answered."),
    "parked_orders": ("parked_orders", "Orders whose events wait because one of them failed."),
    "is_stopped": ("stopped", "1 if a subscription cannot continue."),
}
"""The name and the text of the gauge for each field of a sample."""


class SubscriptionMetrics(SampledCollector):
    """The subscriptions that this server serves. On Kafka one server at a time serves them; the others have no values.

    `find_ends` returns the ends of the log.
    """

    def __init__(self, served: ServedSubscriptions, find_ends: Callable[[], Mapping[int, int]]) -> None:
        self._served, self._find_ends = served, find_ends
        self._samples: dict[str, SubscriptionSample] = {}

    async def sample(self) -> None:
        """Read the state of each subscription, with other work of the event loop between them."""
        samples = dict[str, SubscriptionSample]()
        if self._served.subscriptions is not None:
            async for name, sample in self._read_samples(self._served.subscriptions):
                samples[name] = sample
        self._samples = samples

    async def _read_samples(self, subscriptions: Subscriptions) -> AsyncIterator[tuple[str, SubscriptionSample]]:
        ends = tuple(end for _, end in sorted(self._find_ends().items()))
        for name in subscriptions.names(EVERYTHING):
            with suppress(Refused):  # it was deleted meanwhile
                yield name, await _take_sample(subscriptions.get(name, EVERYTHING), subscriptions, ends)
            await asyncio.sleep(0)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        samples = {(name,): sample for name, sample in self._samples.items()}
        for field, (name, text) in GAUGES.items():
            values = {labels: float(getattr(sample, field)) for labels, sample in samples.items()}
            yield gauge(f"subscription_{name}", text, LABELS, values)
        answers = {(*labels, outcome): n for labels, sample in samples.items() for outcome, n in sample.answers.items()}
        yield counter("subscription_answers", "Answers of consumers, by outcome.", (*LABELS, "outcome"), answers)


async def _take_sample(running: RunningSubscription, subscriptions: Subscriptions, ends: Offsets) -> SubscriptionSample:
    saved = running.state.saved
    lag_records = sum(max(0, end - position) for end, position in zip(ends, saved, strict=False))
    oldest = await subscriptions.find_oldest(running) if lag_records else None
    return SubscriptionSample(
        lag_records,
        0.0 if oldest is None else max(0, time_ns() - oldest) / 1e9,
        len(running.sessions),
        running.in_flight_count,
        running.parked_count,
        bool(running.state.stop_reason),
        dict(running.answer_counts),
    )
