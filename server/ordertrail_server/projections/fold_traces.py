"""Spans of facts that the projector has folded. They continue the traces that their records name."""

from time import time_ns
from typing import TYPE_CHECKING

from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.projections.batch import AppliedFact, Batch
from ordertrail_server.projections.engine import TraceFold
from ordertrail_server.telemetry.process_tracing import find_tracing

if TYPE_CHECKING:
    from ordertrail_server.telemetry.tracing import Tracing

LONGEST_AGE_NS = 60_000_000_000
"""Older facts have no span: they are folded again, as after a change of the fold, and their traces ended long ago."""

MAX_SPANS = 100
"""The most spans of one batch, so that the next one is delayed by a few milliseconds only."""


class FoldTraces:
    """Creates the spans of batches. The facts of a batch that share a trace share a span."""

    def __init__(self, tracing: "Tracing") -> None:
        self._tracing = tracing

    def trace(self, batch: Batch, begin_ns: int) -> None:
        """Create the spans of a batch that the projections have committed, begun at a time since 1970."""
        end_ns, traceparents = time_ns(), set[str]()
        for fact in batch.facts:
            traceparent = fact.event.traceparent
            is_recent = end_ns - nanoseconds(fact.time) < LONGEST_AGE_NS
            if traceparent and traceparent not in traceparents and is_recent:
                traceparents.add(traceparent)
                attributes = _attributes_of(batch, fact)
                self._tracing.record(f"project {batch.topic}", "consumer", traceparent, attributes, begin_ns, end_ns)
            if len(traceparents) == MAX_SPANS:
                return


def find_fold_trace() -> TraceFold | None:
    """Return the function that traces the batches of this process; None while traces are off."""
    tracing = find_tracing()
    return None if tracing is None else FoldTraces(tracing).trace


def _attributes_of(batch: Batch, fact: AppliedFact) -> dict[str, str | int]:
    """Source of the names: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/."""
    return {
        "messaging.operation.name": "project",
        "messaging.operation.type": "process",
        "messaging.destination.name": batch.topic,
        "messaging.destination.partition.id": str(batch.partition),
        "messaging.kafka.offset": fact.logged.offset,
        "ordertrail.order_id": fact.event.order_id,
    }
