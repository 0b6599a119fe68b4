from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st
from tests.history.history_server import (
    HistoryServer,
    RecordedFact,
    build_placed,
    build_quantity_changed,
    list_event_names,
    seal_record,
    serve_history,
)
from tests.history.random_history import ORDERS, PRODUCTS, Step, record_history, steps

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import OrderCancelled
from ordertrail.v1.order_history_service_pb2 import ListOrderEventsRequest, ListOrderEventsResponse
from ordertrail_server.orders.refusal import Refused

requests = st.builds(
    ListOrderEventsRequest,
    order_id=st.none() | st.sampled_from([f"order-{n}" for n in range(ORDERS)]),
    product_id=st.sampled_from(["", *PRODUCTS]),
    page_size=st.integers(1, 8),
).flatmap(
    lambda r: (
        st.just(r)
        if r.HasField("order_id")
        else st.sampled_from(["c0", "c1"]).map(
            lambda c: ListOrderEventsRequest(customer_id=c, product_id=r.product_id, page_size=r.page_size)
        )
    )
)


def matches(fact: RecordedFact, request: ListOrderEventsRequest) -> bool:
    return (
        request.order_id in ("", fact.order.order_id)
        and request.customer_id in ("", fact.customer)
        and (not request.product_id or request.product_id in fact.products)
    )


async def read_pages(server: HistoryServer, request: ListOrderEventsRequest) -> list[list[HistoryEvent]]:
    pages: list[list[HistoryEvent]] = []
    while not pages or request.page_token:
        page = ListOrderEventsResponse.FromString(await server.service.ListOrderEvents(request, None))
        pages.append(list(page.events))
        request.page_token = page.next_page_token
    return pages


@settings(max_examples=60)
@given(history=steps, request=requests, partitions=st.sampled_from([1, 3]))
async def test_pages_of_any_filter_hold_every_matching_event_once(
    history: list[Step], request: ListOrderEventsRequest, partitions: int
) -> None:
    with TemporaryDirectory() as directory:
        async with serve_history(Path(directory), partitions) as server:
            record_history(server, history)
            await server.project()
            size = request.page_size
            pages = await read_pages(server, request)
            assert [name for page in pages for name in list_event_names(page)] == server.names(
                lambda f: matches(f, request)
            )
            assert all(len(page) == size for page in pages[:-1])


async def test_events_recorded_while_paging_are_on_the_last_page(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        for quantity in (3, 4):
            server.record("o", build_quantity_changed("p", quantity))
        await server.project()
        request = ListOrderEventsRequest(order_id="o", page_size=2)
        first = ListOrderEventsResponse.FromString(await server.service.ListOrderEvents(request, None))
        server.record("o", build_quantity_changed("p", 5))
        await server.project()
        request.page_token = first.next_page_token
        second = ListOrderEventsResponse.FromString(await server.service.ListOrderEvents(request, None))
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
        [events] = await read_pages(server, ListOrderEventsRequest(customer_id="c"))
        assert list_event_names(events) == [("o", 1), ("other", 1)]
