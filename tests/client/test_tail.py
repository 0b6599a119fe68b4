import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import grpc
import pytest
from tests.client.stand_in import Cut, StandIn

from ordertrail.client import OrderTrail
from ordertrail.errors import InvalidRequest, Unavailable
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import ORDER_EVENT_TYPE_ORDER_PLACED
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse
from ordertrail.values import moment

FRAMES = [(1, 2), (3,), (), (4, 5, 6), (7,)]
EVENTS = [1, 2, 3, 4, 5, 6, 7]


def frame(number: int) -> StreamOrderEventsResponse:
    """The frame of a number; its resume token is the number of the next."""
    sent = StreamOrderEventsResponse(
        events=[HistoryEvent(order_version=version) for version in FRAMES[number]], resume_token=str(number + 1)
    )
    if number == len(FRAMES) - 1:
        sent.caught_up = True
    return sent


class Plan:
    """Streams the frames from the resume token on; the first stream ends after some frames, cut or in good order."""

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
async def test_a_stream_that_ends_early_goes_on_without_gap_or_duplicate(
    client: OrderTrail, stand_in: StandIn, ends_after: int, cut: bool
) -> None:
    stand_in.frames = Plan(ends_after, cut)
    assert [event.order_version async for event in client.stream()] == EVENTS
    assert [request.resume_token for request in stand_in.seen] == ["", str(ends_after) if ends_after else ""]


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "drained"])
@pytest.mark.parametrize("ends_after", range(len(FRAMES)))
async def test_a_followed_stream_goes_on_too(client: OrderTrail, stand_in: StandIn, ends_after: int, cut: bool) -> None:
    stand_in.frames = Plan(ends_after, cut)
    stream = client.stream(follow=True)
    assert [(await anext(stream)).order_version for _ in EVENTS] == EVENTS
    await stream.aclose()


async def test_a_stream_keeps_its_conditions_when_it_goes_on(client: OrderTrail, stand_in: StandIn) -> None:
    stand_in.frames = Plan(3, cut=True)
    since = datetime(2026, 3, 1, tzinfo=UTC)
    events = client.stream(
        order_id="o-1", product_id="p_1", event_types=[ORDER_EVENT_TYPE_ORDER_PLACED], recorded_from=since
    )
    assert len([event async for event in events]) == len(EVENTS)
    asked = StreamOrderEventsRequest(
        order_id="o-1", product_id="p_1", event_types=[ORDER_EVENT_TYPE_ORDER_PLACED], recorded_from=moment(since)
    )
    resumed = StreamOrderEventsRequest()
    resumed.CopyFrom(asked)
    resumed.resume_token = "3"
    assert stand_in.seen == [asked, resumed]


async def passing_over(request: StreamOrderEventsRequest) -> AsyncIterator[StreamOrderEventsResponse]:
    """One frame, then orders that were passed over, in a frame of their own and beside events."""
    yield frame(0)
    yield StreamOrderEventsResponse(resume_token="over", parked_order_ids=["p-1", "p-2"])
    yield StreamOrderEventsResponse(events=[HistoryEvent(order_version=3)], parked_order_ids=["p-1"], caught_up=True)


async def test_parked_orders_that_were_passed_over_are_told_before_the_events_that_came_with_them(
    client: OrderTrail, stand_in: StandIn
) -> None:
    stand_in.frames = passing_over
    told: list[object] = []
    stream = client.stream(on_parked=lambda order_ids: told.append(list(order_ids)))
    async for event in stream:
        told += [event.order_version]
    assert told == [1, 2, ["p-1", "p-2"], ["p-1"], 3]


async def test_a_caller_who_does_not_ask_for_them_finds_them_in_the_log(
    client: OrderTrail, stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in.frames = passing_over
    assert [event.order_version async for event in client.stream()] == [1, 2, 3]
    assert [(record.levelname, record.name) for record in caplog.records] == [("WARNING", "ordertrail.asking")] * 2
    assert "p-1, p-2" in caplog.messages[0]


async def test_a_stream_that_ends_behind_a_frame_of_passed_over_orders_goes_on_from_its_token(
    client: OrderTrail, stand_in: StandIn
) -> None:
    async def ends_early(request: StreamOrderEventsRequest) -> AsyncIterator[StreamOrderEventsResponse]:
        if not request.resume_token:
            yield StreamOrderEventsResponse(resume_token="4", parked_order_ids=["p-1"])
            return
        yield frame(int(request.resume_token))

    stand_in.frames = ends_early
    assert [event.order_version async for event in client.stream()] == [7]
    assert [request.resume_token for request in stand_in.seen] == ["", "4"]


async def test_frames_come_with_their_tokens_and_a_caller_may_go_on_from_one(
    client: OrderTrail, stand_in: StandIn
) -> None:
    stand_in.frames = Plan(-1, cut=False)
    tokens = [each.resume_token async for each in client.stream_frames()]
    assert tokens == ["1", "2", "3", "4", "5"]
    assert [event.order_version async for event in client.stream(resume_token="3")] == [4, 5, 6, 7]


async def test_a_stream_that_falls_silent_counts_as_cut(client: OrderTrail, stand_in: StandIn) -> None:
    async def silent_once(request: StreamOrderEventsRequest) -> AsyncIterator[StreamOrderEventsResponse]:
        if not request.resume_token:
            yield frame(0)
            await asyncio.Event().wait()
        async for sent in Plan(-1, cut=False)(request):
            yield sent

    stand_in.frames = silent_once
    assert [event.order_version async for event in client.stream(silence=0.2, patience=60)] == EVENTS


async def test_patience_without_a_frame_ends(client: OrderTrail, stand_in: StandIn) -> None:
    async def always_cut(request: StreamOrderEventsRequest) -> AsyncIterator[StreamOrderEventsResponse]:
        raise Cut
        yield frame(0)

    stand_in.frames = always_cut
    with pytest.raises(Unavailable):
        await anext(client.stream(follow=True, patience=0.5))
    assert len(stand_in.seen) > 1


async def test_what_no_retry_can_mend_is_raised_at_once(client: OrderTrail, stand_in: StandIn) -> None:
    stand_in.failures.append((grpc.StatusCode.INVALID_ARGUMENT, "The token is none."))
    with pytest.raises(InvalidRequest, match=r"The token is none\."):
        await anext(client.stream(resume_token="x"))
    assert len(stand_in.seen) == 1


async def test_a_stream_begins_at_one_point(client: OrderTrail) -> None:
    with pytest.raises(TypeError, match="resume_token, now"):
        await anext(client.stream(resume_token="x", now=True))
