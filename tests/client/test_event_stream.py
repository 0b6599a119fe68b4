import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import grpc
import pytest
from tests.client.stub_server import Cut, StubServer

from ordertrail.client import OrderTrail
from ordertrail.errors import InvalidRequest, Unavailable
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import ORDER_EVENT_TYPE_ORDER_PLACED
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse
from ordertrail.values import moment

FRAMES = [(1, 2), (3,), (), (4, 5, 6), (7,)]
EVENTS = [1, 2, 3, 4, 5, 6, 7]


def frame(number: int) -> StreamOrderEventsResponse:
    """Return the frame with a number; its resume token is the number of the next frame."""
    response = StreamOrderEventsResponse(
        events=[HistoryEvent(order_version=version) for version in FRAMES[number]], resume_token=str(number + 1)
    )
    if number == len(FRAMES) - 1:
        response.caught_up = True
    return response


class Plan:
    """Streams the frames from the resume token on. The first stream ends early, with or without an error."""

    def __init__(self, ends_after: int, cut: bool) -> None:
        self._ends_after: int | None = ends_after
        self._cut = cut

    async def __call__(self, request: StreamOrderEventsRequest) -> AsyncIterator[StreamOrderEventsResponse]:
        ends_after, self._ends_after = self._ends_after, None
        for number in range(int(request.resume_token or 0), len(FRAMES)):
            if number == ends_after:
                if self._cut:
                    raise Cut
                return
            yield frame(number)
        if request.follow:
            await asyncio.Event().wait()


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "drained"])
@pytest.mark.parametrize("ends_after", range(len(FRAMES)))
async def test_stream_that_ends_early_resumes_without_gap_or_duplicate(
    client: OrderTrail, stub_server: StubServer, ends_after: int, cut: bool
) -> None:
    stub_server.frames = Plan(ends_after, cut)
    assert [event.order_version async for event in client.stream()] == EVENTS
    assert [request.resume_token for request in stub_server.requests] == ["", str(ends_after) if ends_after else ""]


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "drained"])
@pytest.mark.parametrize("ends_after", range(len(FRAMES)))
async def test_followed_stream_that_ends_early_resumes(
    client: OrderTrail, stub_server: StubServer, ends_after: int, cut: bool
) -> None:
    stub_server.frames = Plan(ends_after, cut)
    stream = client.stream(follow=True)
    assert [(await anext(stream)).order_version for _ in EVENTS] == EVENTS
    await stream.aclose()


async def test_resumed_stream_keeps_its_conditions(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.frames = Plan(3, cut=True)
    since = datetime(2026, 3, 1, tzinfo=UTC)
    events = client.stream(
        order_id="o-1", product_id="p_1", event_types=[ORDER_EVENT_TYPE_ORDER_PLACED], recorded_from=since
    )
    assert len([event async for event in events]) == len(EVENTS)
    first_request = StreamOrderEventsRequest(
        order_id="o-1", product_id="p_1", event_types=[ORDER_EVENT_TYPE_ORDER_PLACED], recorded_from=moment(since)
    )
    second_request = StreamOrderEventsRequest()
    second_request.CopyFrom(first_request)
    second_request.resume_token = "3"
    assert stub_server.requests == [first_request, second_request]


async def skip_orders(request: StreamOrderEventsRequest) -> AsyncIterator[StreamOrderEventsResponse]:
    """Yield a frame, then skipped orders: in a frame without events and in one with events."""
    yield frame(0)
    yield StreamOrderEventsResponse(resume_token="over", parked_order_ids=["p-1", "p-2"])
    yield StreamOrderEventsResponse(events=[HistoryEvent(order_version=3)], parked_order_ids=["p-1"], caught_up=True)


async def test_on_parked_is_called_before_the_events_of_the_same_frame(
    client: OrderTrail, stub_server: StubServer
) -> None:
    stub_server.frames = skip_orders
    calls: list[object] = []
    stream = client.stream(on_parked=lambda order_ids: calls.append(list(order_ids)))
    async for event in stream:
        calls += [event.order_version]
    assert calls == [1, 2, ["p-1", "p-2"], ["p-1"], 3]


async def test_skipped_orders_are_logged_without_on_parked(
    client: OrderTrail, stub_server: StubServer, caplog: pytest.LogCaptureFixture
) -> None:
    stub_server.frames = skip_orders
    assert [event.order_version async for event in client.stream()] == [1, 2, 3]
    assert [(record.levelname, record.name) for record in caplog.records] == [
        ("WARNING", "ordertrail.query_methods")
    ] * 2
    assert "p-1, p-2" in caplog.messages[0]


async def test_stream_resumes_from_token_of_frame_without_events(client: OrderTrail, stub_server: StubServer) -> None:
    async def ends_early(request: StreamOrderEventsRequest) -> AsyncIterator[StreamOrderEventsResponse]:
        if not request.resume_token:
            yield StreamOrderEventsResponse(resume_token="4", parked_order_ids=["p-1"])
            return
        yield frame(int(request.resume_token))

    stub_server.frames = ends_early
    assert [event.order_version async for event in client.stream()] == [7]
    assert [request.resume_token for request in stub_server.requests] == ["", "4"]


async def test_stream_starts_after_the_resume_token_of_a_frame(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.frames = Plan(-1, cut=False)
    tokens = [frame_sent.resume_token async for frame_sent in client.stream_frames()]
    assert tokens == ["1", "2", "3", "4", "5"]
    assert [event.order_version async for event in client.stream(resume_token="3")] == [4, 5, 6, 7]


async def test_silent_stream_is_reconnected(client: OrderTrail, stub_server: StubServer) -> None:
    async def silent_once(request: StreamOrderEventsRequest) -> AsyncIterator[StreamOrderEventsResponse]:
        if not request.resume_token:
            yield frame(0)
            await asyncio.Event().wait()
        async for response in Plan(-1, cut=False)(request):
            yield response

    stub_server.frames = silent_once
    assert [event.order_version async for event in client.stream(silence=0.2, patience=60)] == EVENTS


async def test_stream_raises_unavailable_when_patience_is_over(client: OrderTrail, stub_server: StubServer) -> None:
    async def always_cut(request: StreamOrderEventsRequest) -> AsyncIterator[StreamOrderEventsResponse]:
        raise Cut
        yield frame(0)

    stub_server.frames = always_cut
    with pytest.raises(Unavailable):
        await anext(client.stream(follow=True, patience=0.5))
    assert len(stub_server.requests) > 1


async def test_permanent_error_of_stream_is_raised_without_retry(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.failures.append((grpc.StatusCode.INVALID_ARGUMENT, "The token is none."))
    with pytest.raises(InvalidRequest, match=r"The token is none\."):
        await anext(client.stream(resume_token="x"))
    assert len(stub_server.requests) == 1


async def test_stream_refuses_two_starting_points(client: OrderTrail) -> None:
    with pytest.raises(TypeError, match="resume_token, now"):
        await anext(client.stream(resume_token="x", now=True))
