from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings, strategies as st
from tests.history.history_server import (
    NOON,
    SECOND,
    HistoryServer,
    RecordedFact,
    build_placed,
    build_quantity_changed,
    list_event_names,
    seal_record,
    serve_history,
)
from tests.history.random_history import CUSTOMERS, ORDERS, PRODUCTS, Step, record_history, steps

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import ORDER_EVENT_TYPE_ORDER_PLACED, OrderCancelled
from ordertrail.v1.order_history_service_pb2 import (
    EVENT_ORDER_POSITION_DESCENDING,
    EventOrder,
    ListOrderEventsRequest,
    ListOrderEventsResponse,
)
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history import events
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.projections.history.history_rows import EVENT_TYPE

times = st.none() | st.integers(0, 21).map(lambda second: Timestamp(seconds=NOON // SECOND + second))
conditions = st.fixed_dictionaries(
    {
        "product_id": st.sampled_from(["", *PRODUCTS]),
        "event_types": st.lists(st.sampled_from(list(EVENT_TYPE.values())), max_size=2),
        "recorded_from": times,
        "recorded_before": times,
        "order_by": st.sampled_from(EventOrder.values()),
        "page_size": st.integers(1, 8),
    }
)
subjects = st.sampled_from([{"order_id": f"order-{n}"} for n in range(ORDERS)]) | st.sampled_from(
    [{"customer_id": customer} for customer in CUSTOMERS if customer]
)
requests = st.builds(lambda subject, filters: ListOrderEventsRequest(**subject, **filters), subjects, conditions)


def matches(fact: RecordedFact, request: ListOrderEventsRequest) -> bool:
    return (
        request.order_id in ("", fact.order.order_id)
        and request.customer_id in ("", fact.customer)
        and (not request.product_id or request.product_id in fact.products)
        and (not request.event_types or fact.type in request.event_types)
        and (not request.HasField("recorded_from") or fact.time >= nanoseconds(request.recorded_from))
        and (not request.HasField("recorded_before") or fact.time < nanoseconds(request.recorded_before))
    )


async def read_pages(server: HistoryServer, request: ListOrderEventsRequest) -> list[list[HistoryEvent]]:
    pages: list[list[HistoryEvent]] = []
    while not pages or request.page_token:
        page = ListOrderEventsResponse.FromString(await server.service.ListOrderEvents(request, EVERYTHING, None))
        pages.append(list(page.events))
        request.page_token = page.next_page_token
    return pages


@pytest.mark.parametrize("visited_rows", [3, 10_000])
@settings(max_examples=80)
@given(history=steps, request=requests, partitions=st.sampled_from([1, 3]))
async def test_pages_of_any_filter_hold_every_matching_event_once(
    visited_rows: int, history: list[Step], request: ListOrderEventsRequest, partitions: int
) -> None:
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "VISITED_ROWS", visited_rows)
        async with serve_history(Path(directory), partitions) as server:
            record_history(server, history)
            await server.project()
            size, is_descending = request.page_size, request.order_by == EVENT_ORDER_POSITION_DESCENDING
            names = server.names(lambda f: matches(f, request))
            pages = await read_pages(server, request)
            listed_names = [name for page in pages for name in list_event_names(page)]
            assert listed_names == (names[::-1] if is_descending else names)
            if visited_rows > len(history):
                assert all(len(page) == size for page in pages[:-1])


async def test_page_without_a_match_ends_after_its_rows_with_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "VISITED_ROWS", 2)
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p", customer="c"))
        for quantity in (3, 4, 5):
            server.record("o", build_quantity_changed("p", quantity))
        await server.project()
        for request in (ListOrderEventsRequest(order_id="o"), ListOrderEventsRequest(customer_id="c")):
            request.event_types.append(ORDER_EVENT_TYPE_ORDER_PLACED)
            request.order_by = EVENT_ORDER_POSITION_DESCENDING
            assert [list_event_names(page) for page in await read_pages(server, request)] == [[], [("o", 1)]]


@pytest.mark.parametrize("order_by", EventOrder.values())
async def test_page_token_holds_for_one_order_of_events(tmp_path: Path, order_by: EventOrder.ValueType) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        server.record("o", build_quantity_changed("p", 3))
        await server.project()
        request = ListOrderEventsRequest(order_id="o", page_size=1, order_by=order_by)
        first = ListOrderEventsResponse.FromString(await server.service.ListOrderEvents(request, EVERYTHING, None))
        request.page_token = first.next_page_token
        for other_order in set(EventOrder.values()) - {order_by}:
            request.order_by = other_order
            with pytest.raises(Refused) as error:
                await server.service.ListOrderEvents(request, EVERYTHING, None)
            assert error.value.refusal.reason == ErrorReason.ERROR_REASON_PAGE_TOKEN_MISMATCH


async def test_newest_event_comes_first_and_later_events_are_on_no_later_page(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        server.record("o", build_quantity_changed("p", 3))
        await server.project()
        request = ListOrderEventsRequest(order_id="o", page_size=1, order_by=EVENT_ORDER_POSITION_DESCENDING)
        first = ListOrderEventsResponse.FromString(await server.service.ListOrderEvents(request, EVERYTHING, None))
        server.record("o", build_quantity_changed("p", 4))
        await server.project()
        request.page_token = first.next_page_token
        names = [list_event_names(page) for page in (first.events, *await read_pages(server, request))]
        assert names == [[("o", 2)], [("o", 1)]]


async def test_events_recorded_while_paging_are_on_the_last_page(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        for quantity in (3, 4):
            server.record("o", build_quantity_changed("p", quantity))
        await server.project()
        request = ListOrderEventsRequest(order_id="o", page_size=2)
        first = ListOrderEventsResponse.FromString(await server.service.ListOrderEvents(request, EVERYTHING, None))
        server.record("o", build_quantity_changed("p", 5))
        await server.project()
        request.page_token = first.next_page_token
        second = ListOrderEventsResponse.FromString(await server.service.ListOrderEvents(request, EVERYTHING, None))
        assert list_event_names([*first.events, *second.events]) == server.names()
        assert second.next_page_token == ""


async def test_listed_events_are_the_facts_with_their_positions(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("other", build_placed("p"))
        server.record("o", build_placed("p", "q", customer="c"))
        await server.project()
        [[event]] = await read_pages(server, ListOrderEventsRequest(customer_id="c"))
        assert event.order_placed == build_placed("p", "q", customer="c")
        assert (event.position.topic, event.position.partition, event.position.offset) == (server.log.topic, 0, 1)
        assert event.digest == server.log.records[0][1].digest


async def test_page_of_large_events_stays_below_the_message_limit_of_clients(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        for number in range(90):
            server.record(f"o-{number}", build_placed("p", customer="c"))
            server.record(f"o-{number}", OrderCancelled(reason="x" * 60_000))
        await server.project()
        pages = await read_pages(server, ListOrderEventsRequest(customer_id="c", page_size=1_000))
        assert [name for page in pages for name in list_event_names(page)] == server.names()
        assert all(sum(event.ByteSize() for event in page) <= 2 * 1024 * 1024 for page in pages)


async def test_history_of_an_unknown_order_is_empty(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        await server.project()
        assert await read_pages(server, ListOrderEventsRequest(order_id="o")) == [[]]


async def test_history_of_a_parked_order_is_refused_and_others_are_listed(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p", customer="c"))
        server.land("o", seal_record("o", 5, b"no such fact's digest"[:16], b""))
        server.record("other", build_placed("p", customer="c"))
        await server.project()
        with pytest.raises(Refused) as error:
            await read_pages(server, ListOrderEventsRequest(order_id="o"))
        assert error.value.refusal.reason == ErrorReason.ERROR_REASON_ORDER_PARKED
        [page] = await read_pages(server, ListOrderEventsRequest(customer_id="c"))
        assert list_event_names(page) == [("o", 1), ("other", 1)]
