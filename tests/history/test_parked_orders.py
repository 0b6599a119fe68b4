from pathlib import Path

import pytest
from tests.history.history_server import (
    HistoryServer,
    build_confirmed,
    build_line_added,
    build_line_removed,
    build_placed,
    list_event_names,
    seal_record,
    serve_history,
)

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse
from ordertrail.v1.projection_service_pb2 import (
    GetParkedOrderResponse,
    ListParkedOrdersRequest,
    ListParkedOrdersResponse,
)
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.pages import next_page_token
from ordertrail_server.history.parked_orders import MAX_REASON, MAX_WAITING, get_parked, list_parked
from ordertrail_server.log.token import PageKey, read_token
from ordertrail_server.orders.refusal import Refused


async def list_page(server: HistoryServer, request: ListParkedOrdersRequest) -> ListParkedOrdersResponse:
    model = server.orders_model
    return ListParkedOrdersResponse.FromString(
        await model.read(lambda connection: list_parked(model, request, EVERYTHING, connection))
    )


async def get_answer(server: HistoryServer, order_id: str) -> GetParkedOrderResponse:
    model = server.orders_model
    return GetParkedOrderResponse.FromString(
        await model.read(lambda connection: get_parked(model, order_id, EVERYTHING, connection))
    )


def park(server: HistoryServer, order_id: str, product: str = "never ordered") -> None:
    """Record a fact that cannot be folded."""
    server.record(order_id, build_placed("p"))
    server.record(order_id, build_line_removed(product))


async def test_every_parked_order_is_on_one_page(tmp_path: Path) -> None:
    async with serve_history(tmp_path, partitions=3) as server:
        ids = [f"order-{number}" for number in range(7)]
        for order_id in reversed(ids):
            server.record(order_id, build_placed("p"))
            server.record(order_id, build_line_removed("never ordered"), time=1_700_000_000_000_000_000)
        await server.project()
        order_ids, sizes, request = list[str](), list[int](), ListParkedOrdersRequest(page_size=3)
        while not sizes or request.page_token:
            page = await list_page(server, request)
            order_ids += [order.order_id for order in page.orders]
            sizes.append(len(page.orders))
            request.page_token = page.next_page_token
        assert (order_ids, sizes) == (ids, [3, 3, 1])


async def test_page_token_of_another_log_is_refused(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        await server.project()
        token = next_page_token(
            ListParkedOrdersRequest(), b"another log\0\0\0\0\0", PageKey(0, "o", consistency_token="t")
        )
        with pytest.raises(Refused) as error:
            await list_page(server, ListParkedOrdersRequest(page_token=token))
        assert error.value.refusal.reason == ErrorReason.ERROR_REASON_PAGE_TOKEN_MISMATCH


async def test_parked_order_shows_the_first_waiting_facts_and_counts_all(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        park(server, "o")
        for _ in range(MAX_WAITING + 5):
            server.record("o", build_confirmed())
        await server.project()
        answer = await get_answer(server, "o")
        assert (answer.order.version, answer.order.waiting_count) == (1, MAX_WAITING + 6)
        assert [event.order_version for event in answer.waiting] == list(range(2, MAX_WAITING + 2))


async def test_long_reason_of_a_parked_order_is_truncated(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        park(server, "o", product="x" * 50_000)
        await server.project()
        answer = await get_answer(server, "o")
        assert len(answer.order.reason) == len(answer.waiting[0].reason) == MAX_REASON + 2


@pytest.mark.parametrize("partitions", [1, 3])
async def test_resume_tokens_of_a_parked_orders_stream_stay_before_its_waiting_facts(
    tmp_path: Path, partitions: int
) -> None:
    async with serve_history(tmp_path, partitions) as server:
        server.record("other", build_placed("p"))
        park(server, "o")
        server.record("other", build_line_added("q"))
        server.record("o", build_confirmed())
        await server.project()
        parked = (await get_answer(server, "o")).order.position
        stream = server.service.StreamOrderEvents(StreamOrderEventsRequest(order_id="o"), EVERYTHING, None)
        frame = StreamOrderEventsResponse.FromString(await anext(stream))
        assert list_event_names(frame.events) == [("o", 1)]
        assert read_token(frame.resume_token, server.log.identity)[parked.partition] == parked.offset
        with pytest.raises(Refused):
            await anext(stream)


async def test_stream_of_all_orders_skips_waiting_facts(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        park(server, "o")
        server.land("o", seal_record("o", 9, b"no such fact's digest"[:16], b""))
        server.record("other", build_placed("p"))
        await server.project()
        frames = await server.stream(StreamOrderEventsRequest())
        assert read_token(frames[-1].resume_token, server.log.identity) == {0: 4}
        assert [event.order_id for frame in frames for event in frame.events] == ["o", "other"]
