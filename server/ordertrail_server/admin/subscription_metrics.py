"""Metrics of the subscriptions that this server serves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from time import time_ns
from typing import NamedTuple

from prometheus_client import Metric

from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.admin.family import Labels, counter, gauge
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

        def values(read: Callable[[SubscriptionSample], float]) -> dict[Labels, float]:
            return {labels: read(sample) for labels, sample in samples.items()}

        lag_text = "Records behind the position up to which a subscription is done."
        yield gauge("subscription_lag_records", lag_text, LABELS, values(lambda sample: sample.lag_records))
        age_text = "The age of the oldest event that is not done."
        yield gauge("subscription_lag_seconds", age_text, LABELS, values(lambda sample: sample.lag_seconds))
        yield gauge("subscription_consumers", "Connected consumers.", LABELS, values(lambda sample: sample.consumers))
        in_flight_text = "Events that were handed out and are not answered."
        yield gauge("subscription_in_flight_events", in_flight_text, LABELS, values(lambda sample: sample.in_flight))
        parked_text = "Orders whose events wait because one of them failed."
        yield gauge("subscription_parked_orders", parked_text, LABELS, values(lambda sample: sample.parked_orders))
        stopped_text = "1 if a subscription cannot continue."
        yield gauge("subscription_stopped", stopped_text, LABELS, values(lambda sample: sample.is_stopped))
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
