"""Servers of all roles on topics of one and of many partitions: whoever is asked, the answer is of all of them."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kafka.servers import Shop, a_server, new_topic, started
from tests.e2e.kafka.test_roles import newest, places
from tests.e2e.kafka.test_servers import take_turns
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import until_serving
from tests.kafka.cluster import Cluster

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import (
    ListOrderEventsRequest,
    ListOrdersRequest,
    StreamOrderEventsRequest,
    StreamOrderEventsResponse,
)
from ordertrail_server.log.placement import partition_of

ONE, OTHER = SERVERS = (0, 1)
ORDERS = [f"order-{number}" for number in range(60)]
COMMANDS = 5


@pytest.mark.parametrize("partitions", [1, 12])
async def test_all_servers_write_list_and_stream_orders_of_all_partitions(
    cluster: Cluster, tmp_path: Path, partitions: int
) -> None:
    topic = new_topic(cluster, f"partitions.{partitions}", partitions)
    servers = [a_server(cluster, topic, tmp_path / f"server-{n}", "command,projector,query") for n in SERVERS]
    with started(*servers):
        async with Shop(*servers) as shop:
            for server in servers:
                await until_serving(server.address)
            following = asyncio.create_task(followed(shop))
            await asyncio.gather(*(take_turns(shop, order_id, len(SERVERS), COMMANDS) for order_id in ORDERS))
            frames = await following
            report = await shop.audit(cluster, topic)
            assert report.voids == []
            lie_in = {order_id: {fact.partition for fact in facts} for order_id, facts in report.orders.items()}
            assert lie_in == {order_id: {partition_of(order_id, partitions)} for order_id in ORDERS}
            assert set.union(*lie_in.values()) == {*range(partitions)}

            facts = {(fact.partition, fact.offset) for facts in report.orders.values() for fact in facts}
            each_once_and_orders_in_order([event for frame in frames for event in frame.events], facts)
            tokens = [*newest(shop).values()]
            await pages_turned_by_one_server_after_the_other_hold_all_of_it(shop, tokens, facts)
            assert places(frames[-1].resume_token).keys() == {*range(partitions)}
            for frame in (frames[0], frames[len(frames) // 2], frames[-1]):
                await the_other_goes_on_from(shop, frame.resume_token, tokens, facts)
        assert [server.stop() for server in servers] == [0, 0]
    assert [fault for server in servers for fault in server.faults] == []


async def followed(shop: Shop) -> list[StreamOrderEventsResponse]:
    """Return the frames of a stream that begins before there is anything, up to as many events as there are to be."""
    frames, awaited = [], len(ORDERS) * COMMANDS
    call = stream(shop, ONE, StreamOrderEventsRequest(follow=True, max_events_per_frame=10))
    async for frame in call:
        frames.append(frame)
        awaited -= len(frame.events)
        if awaited <= 0:
            break
    call.cancel()
    return frames


def stream(shop: Shop, server: int, request: StreamOrderEventsRequest) -> Any:
    """Return a call whose frames are to be awaited."""
    return shop.channels[server].unary_stream(
        RPCS["StreamOrderEvents"].path, StreamOrderEventsRequest.SerializeToString, StreamOrderEventsResponse.FromString
    )(request, timeout=60)


def each_once_and_orders_in_order(events: list[HistoryEvent], facts: Iterable[tuple[int, int]]) -> None:
    assert Counter((event.position.partition, event.position.offset) for event in events) == Counter(facts)
    versions: dict[str, int] = {}
    for event in events:
        assert event.order_version == versions.get(event.order_id, event.order_version - 1) + 1
        versions[event.order_id] = event.order_version


async def pages_turned_by_one_server_after_the_other_hold_all_of_it(
    shop: Shop, tokens: list[str], facts: set[tuple[int, int]]
) -> None:
    listed = await pages(shop, ListOrdersRequest(page_size=7, at_least_as_fresh=tokens))
    assert Counter(order.order_id for page in listed for order in page.orders) == Counter(ORDERS)
    told = await pages(shop, ListOrderEventsRequest(customer_id="shop-1", page_size=70, at_least_as_fresh=tokens))
    each_once_and_orders_in_order([event for page in told for event in page.events], facts)


async def pages(shop: Shop, request: Any) -> list[Any]:
    """Return all pages, each turned by another server than the one before it."""
    turned: list[Any] = []
    for server in cycle(SERVERS):
        turned.append(await shop.ask(server, request))
        request.page_token = turned[-1].next_page_token
        if not request.page_token:
            break
    return turned


async def the_other_goes_on_from(shop: Shop, token: str, tokens: list[str], facts: set[tuple[int, int]]) -> None:
    """Assert that a token of one server has another stream all that lies behind it, and nothing else."""
    request = StreamOrderEventsRequest(resume_token=token, at_least_as_fresh=tokens)
    events = [event async for frame in stream(shop, OTHER, request) for event in frame.events]
    begin = places(token)
    behind = {(partition, offset) for partition, offset in facts if offset >= begin.get(partition, 0)}
    each_once_and_orders_in_order(events, behind)
