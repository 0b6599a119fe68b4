"""The projector records few spans, however many facts a batch has, and none for facts of the past."""

from time import time_ns

from google.protobuf.timestamp_pb2 import Timestamp
from tests.telemetry.kept_spans import KeptSpans, write_traceparent

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.log.port import Logged
from ordertrail_server.projections.batch import AppliedFact, Batch
from ordertrail_server.projections.fold_traces import LONGEST_AGE_NS, MAX_SPANS, FoldTraces
from ordertrail_server.schema.reading import Reading


def build_batch(*traceparents: str, age_ns: int = 0) -> Batch:
    time = Timestamp()
    time.FromNanoseconds(time_ns() - age_ns)
    batch = Batch("orders.events", 3, len(traceparents), b"")
    for offset, traceparent in enumerate(traceparents):
        event = HistoryEvent(order_id=f"order-{offset}", traceparent=traceparent)
        reading = Reading(event, 2, "", True, 1)
        batch.facts.append(AppliedFact(Logged(offset, event.order_id, b"", b""), reading, time, None, None, None))
    return batch


def trace(batch: Batch) -> list[str]:
    """Return the orders that the spans of a batch name."""
    spans = KeptSpans()
    FoldTraces(spans.tracing).trace(batch, time_ns())
    return [str((span.attributes or {})["ordertrail.order_id"]) for span in spans.close()]


def test_facts_of_one_trace_share_a_span() -> None:
    first, second = write_traceparent(1), write_traceparent(2)
    assert trace(build_batch(first, first, second, first)) == ["order-0", "order-2"]


def test_facts_without_a_recorded_trace_have_no_span() -> None:
    assert trace(build_batch("", "no trace at all", write_traceparent(1, is_sampled=False))) == []


def test_old_facts_have_no_span() -> None:
    assert trace(build_batch(write_traceparent(1), age_ns=LONGEST_AGE_NS)) == []
    assert trace(build_batch(write_traceparent(1), age_ns=LONGEST_AGE_NS // 2)) == ["order-0"]


def test_batch_has_a_limited_number_of_spans() -> None:
    assert len(trace(build_batch(*map(write_traceparent, range(1, MAX_SPANS + 10))))) == MAX_SPANS
