"""Metrics of the webhooks that this server serves."""

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.core import SummaryMetricFamily

from ordertrail_server.admin.family import Labels, counter, gauge
from ordertrail_server.admin.sampling import SampledCollector
from ordertrail_server.webhooks.circuit_breaker import Circuit
from ordertrail_server.webhooks.served_subscriptions import ServedSubscriptions
from ordertrail_server.webhooks.webhooks import Webhooks

LABELS = ("subscription",)


class WebhookSample(NamedTuple):
    """One webhook at one moment. The counts begin when its server begins to serve it."""

    circuit: Circuit
    is_disabled: bool
    unfinished: int
    accepted: int
    failed: int
    seconds: float


class WebhookMetrics(SampledCollector):
    """The webhooks that this server serves."""

    def __init__(self, served: ServedSubscriptions) -> None:
        self._served = served
        self._samples: dict[str, WebhookSample] = {}

    async def sample(self) -> None:
        """Read the state of each webhook, of which there are few."""
        webhooks = self._served.webhooks
        self._samples = {} if webhooks is None else dict(_read_samples(webhooks))

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        samples: dict[Labels, WebhookSample] = {(name,): sample for name, sample in self._samples.items()}
        circuits: dict[Labels, float] = {
            (*labels, circuit.value.replace(" ", "_")): sample.circuit == circuit
            for labels, sample in samples.items()
            for circuit in Circuit
        }
        circuit_text = "1 for the state of a webhook's circuit breaker, 0 for the other states."
        yield gauge("webhook_circuit", circuit_text, (*LABELS, "state"), circuits)
        disabled: dict[Labels, float] = {labels: sample.is_disabled for labels, sample in samples.items()}
        yield gauge("webhook_disabled", "1 if a webhook posts nothing until it is enabled.", LABELS, disabled)
        unfinished: dict[Labels, float] = {labels: sample.unfinished for labels, sample in samples.items()}
        yield gauge("webhook_unfinished_deliveries", "Deliveries that were begun and not done.", LABELS, unfinished)
        yield from _attempts(samples)


def _attempts(samples: dict[Labels, WebhookSample]) -> Iterator[Metric]:
    counts: dict[Labels, float] = {}
    seconds = SummaryMetricFamily("ordertrail_webhook_attempt_seconds", "How long attempts took.", labels=LABELS)
    for labels, sample in samples.items():
        counts[(*labels, "accepted")], counts[(*labels, "failed")] = sample.accepted, sample.failed
        seconds.add_metric(labels, sample.accepted + sample.failed, sample.seconds)
    yield counter("webhook_attempts", "Attempts to post an event, by outcome.", (*LABELS, "outcome"), counts)
    yield seconds


def _read_samples(webhooks: Webhooks) -> Iterator[tuple[str, WebhookSample]]:
    for worker in webhooks.workers():
        webhook, attempts = worker.control.webhook, worker.attempt_totals
        yield (
            worker.running.definition.name,
            WebhookSample(
                worker.control.breaker.circuit,
                bool(webhook.disable_reason),
                len(webhook.unfinished),
                attempts.accepted,
                attempts.failed,
                attempts.seconds,
            ),
        )
