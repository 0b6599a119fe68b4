"""Every skipped order is named in time, in any history."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from tests.history.history_server import (
    HistoryServer,
    build_line_added,
    build_line_removed,
    build_placed,
    list_event_names,
    list_frame_names,
    serve_history,
)
from tests.history.skipped_orders import list_pages, park_unknown, stream_frames

from ordertrail.v1.order_history_service_pb2 import (
    EVENT_ORDER_POSITION_ASCENDING,
    EVENT_ORDER_POSITION_DESCENDING,
)
from ordertrail_server.history import skipped_orders
from ordertrail_server.history.streaming import scan
from ordertrail_server.log.position import LogPosition
from ordertrail_server.log.token import read_token

Step = tuple[int, bool, bool]
histories = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.booleans()), max_size=60)
"""For each record: the order's number, whether it parks the order, whether the order begins with an unknown event."""


def record_history(server: HistoryServer, history: list[Step]) -> None:
    unknown = set[str]()
    for number, parks, begins_unknown in history:
        order_id = f"o-{number}"
        if order_id in unknown:
            continue
        if server.aggregate(order_id).version == 0 and begins_unknown:
            park_unknown(server, order_id)
            unknown.add(order_id)
        elif server.aggregate(order_id).version == 0:
            server.record(order_id, build_placed("p", customer=f"c{number % 2}"))
        else:
            server.record(
                order_id, build_line_removed("never ordered") if parks else build_line_added(f"q{len(server.facts)}")
            )


def waiting_facts(server: HistoryServer, customer: str) -> Iterator[tuple[int, int, str]]:
    """Yield (partition, offset, order) of every waiting fact that may be the customer's, by a plain model."""
    folded_positions = {fact.position for fact in server.facts}
    for partition, records in enumerate(server.log.records):
        for record in records:
            order = server.aggregate(record.key).order
            position = LogPosition(partition, record.offset).pack()
            if position not in folded_positions and customer in (
                "",
                order.customer_id if order else customer,
            ):
                yield partition, record.offset, record.key


@pytest.mark.parametrize(("at_once", "window"), [(2, 3), (100, 50_000)])
@settings(max_examples=40)
@given(
    history=histories,
    partitions=st.sampled_from([1, 3]),
    customer=st.sampled_from(["", "c0"]),
    max_events=st.integers(1, 5),
    types=st.sampled_from([[], [20]]),
)
async def test_every_skipped_order_is_named_between_two_tokens(
    at_once: int, window: int, history: list[Step], partitions: int, customer: str, max_events: int, types: list[int]
) -> None:
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(skipped_orders, "AT_ONCE", at_once)
        patch.setattr(scan, "WINDOW", window)
        async with serve_history(Path(directory), partitions) as server:
            record_history(server, history)
            await server.project()
            request: dict[str, Any] = {
                "customer_id": customer,
                "max_events_per_frame": max_events,
                "event_types": types,
            }
            offsets = dict.fromkeys(range(partitions), 0)
            facts = list(waiting_facts(server, customer))
            frames = await stream_frames(server, **request)
            for frame in frames:
                now = offsets | read_token(frame.resume_token, server.log.identity)
                assert set(frame.parked_order_ids) == {o for p, at, o in facts if offsets[p] <= at < now[p]}
                offsets = now
            assert sorted(list_frame_names(frames)) == sorted(
                server.names(lambda fact: customer in ("", fact.customer) and (not types or fact.type in types))
            )
            await assert_pages_name_the_skipped_orders(server, customer or "c1", max_events)


async def assert_pages_name_the_skipped_orders(server: HistoryServer, customer: str, page_size: int) -> None:
    """Assert that pages in both directions hold all events of a customer and name its skipped orders."""
    of_customer = {order_id for _, _, order_id in waiting_facts(server, customer)}
    names = server.names(lambda fact: fact.customer == customer)
    listings = {EVENT_ORDER_POSITION_ASCENDING: names, EVENT_ORDER_POSITION_DESCENDING: names[::-1]}
    for order_by, names_in_order in listings.items():
        pages = await list_pages(server, customer_id=customer, page_size=page_size, order_by=order_by)
        assert {order_id for page in pages for order_id in page.parked_order_ids} == of_customer
        assert [name for page in pages for name in list_event_names(page.events)] == names_in_order
