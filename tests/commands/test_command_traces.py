"""The spans of commands have the times of their batches, and a batch has few of them in each trace."""

from functools import partial
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from tests.commands.running_writer import RunningWriter
from tests.commands.sample_requests import build_change_quantity, build_place_order, prepare_attempt
from tests.log.memory import MemoryLog
from tests.telemetry.kept_spans import KeptSpans, write_traceparent

from ordertrail_server.commands.command_traces import CommandTraces


async def trace(*calls: tuple[Any, str], is_batched: bool = False) -> list[ReadableSpan]:
    """Handle requests with these headers together, and return the spans."""
    spans = KeptSpans()
    traces = CommandTraces(spans.tracing, "orders.events")
    async with RunningWriter(MemoryLog()) as server:
        attempts = [prepare_attempt(request) for request, _ in calls]
        for attempt, (_, traceparent) in zip(attempts, calls, strict=True):
            attempt.traceparent, attempt.is_batched = traceparent, is_batched
            server.writer.queue.submit(attempt)
            attempt.answer.add_done_callback(partial(traces.note_answer, attempt))
        for attempt in attempts:
            await attempt.answer
    return spans.close()


def names_by_trace(spans: list[ReadableSpan]) -> list[tuple[int, str]]:
    return sorted((span.context.trace_id, span.name) for span in spans if span.context)


async def test_each_trace_of_a_batch_has_its_own_spans_with_the_same_times() -> None:
    spans = await trace(
        (build_place_order("place 1", "order-1"), write_traceparent(1)),
        (build_place_order("place 2", "order-2"), write_traceparent(2)),
    )
    steps = ["append orders.events", "decide"]
    assert names_by_trace(spans) == [(number, step) for number in (1, 2) for step in steps]
    for step in steps:
        assert len({(span.start_time, span.end_time) for span in spans if span.name == step}) == 1
    assert {span.parent.span_id for span in spans if span.parent} == {1, 2}


async def test_commands_of_one_trace_share_the_spans_of_their_batch() -> None:
    refused = build_change_quantity("change", 2, "missing")
    orders = [build_place_order(f"place {number}", f"order-{number}") for number in range(20)]
    spans = await trace(*[(request, write_traceparent(1)) for request in (refused, *orders)], is_batched=True)
    assert names_by_trace(spans) == [(1, "append orders.events"), (1, "decide")]


async def test_refused_command_has_a_reason_and_no_append() -> None:
    [decide] = await trace((build_change_quantity("change", 2, "missing"), write_traceparent(1)))
    assert decide.attributes == {"ordertrail.order_id": "missing", "error.type": "ORDER_NOT_FOUND"}


async def test_command_without_a_recorded_trace_has_no_span() -> None:
    for traceparent in ("", "no trace at all", write_traceparent(1, is_sampled=False)):
        assert await trace((build_place_order("place", "order-1"), traceparent)) == []
