"""Servers of all roles on topics of one and of many partitions; each answers with the orders of all partitions."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kafka.servers import (
    Caller,
    alternate_servers,
    create_empty_topic,
    create_server,
    newest_tokens,
    run_servers,
    token_offsets,
)
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import wait_until_serving
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
    topic = create_empty_topic(cluster, f"partitions.{partitions}", partitions)
    servers = [create_server(cluster, topic, tmp_path / f"server-{n}", "command,projector,query") for n in SERVERS]
    with run_servers(*servers):
        async with Caller(*servers) as caller:
            for server in servers:
                await wait_until_serving(server.address)
            following = asyncio.create_task(follow_stream(caller))
            await asyncio.gather(*(alternate_servers(caller, order_id, len(SERVERS), COMMANDS) for order_id in ORDERS))
            frames = await following
            report = await caller.check_topic(cluster, topic)
            assert report.voids == []
            lie_in = {order_id: {fact.partition for fact in facts} for order_id, facts in report.orders.items()}
            assert lie_in == {order_id: {partition_of(order_id, partitions)} for order_id in ORDERS}
            assert set.union(*lie_in.values()) == {*range(partitions)}

            facts = {(fact.partition, fact.offset) for facts in report.orders.values() for fact in facts}
            check_events([event for frame in frames for event in frame.events], facts)
            tokens = [*newest_tokens(caller).values()]
            await check_pages_of_alternating_servers(caller, tokens, facts)
            assert token_offsets(frames[-1].resume_token).keys() == {*range(partitions)}
            for frame in (frames[0], frames[len(frames) // 2], frames[-1]):
                await check_resumed_stream(caller, frame.resume_token, tokens, facts)
        assert [server.stop() for server in servers] == [0, 0]
    assert [fault for server in servers for fault in server.faults] == []


async def follow_stream(caller: Caller) -> list[StreamOrderEventsResponse]:
    """Return the frames of a stream that begins on the empty log, up to the expected number of events."""
    frames, awaited = [], len(ORDERS) * COMMANDS
    call = open_stream(caller, ONE, StreamOrderEventsRequest(follow=True, max_events_per_frame=10))
    async for frame in call:
        frames.append(frame)
        awaited -= len(frame.events)
        if awaited <= 0:
            break
    call.cancel()
    return frames


def open_stream(caller: Caller, server: int, request: StreamOrderEventsRequest) -> Any:
    """Return a call whose frames can be read."""
    return caller.channels[server].unary_stream(
        RPCS["StreamOrderEvents"].path, StreamOrderEventsRequest.SerializeToString, StreamOrderEventsResponse.FromString
    )(request, timeout=60)


def check_events(events: list[HistoryEvent], facts: Iterable[tuple[int, int]]) -> None:
    assert Counter((event.position.partition, event.position.offset) for event in events) == Counter(facts)
    versions: dict[str, int] = {}
    for event in events:
        assert event.order_version == versions.get(event.order_id, event.order_version - 1) + 1
        versions[event.order_id] = event.order_version


async def check_pages_of_alternating_servers(caller: Caller, tokens: list[str], facts: set[tuple[int, int]]) -> None:
    listed = await read_pages(caller, ListOrdersRequest(page_size=7, at_least_as_fresh=tokens))
    assert Counter(order.order_id for page in listed for order in page.orders) == Counter(ORDERS)
    event_pages = await read_pages(
        caller, ListOrderEventsRequest(customer_id="shop-1", page_size=70, at_least_as_fresh=tokens)
    )
    check_events([event for page in event_pages for event in page.events], facts)


async def read_pages(caller: Caller, request: Any) -> list[Any]:
    """Return all pages; the servers answer in turn."""
    turned: list[Any] = []
    for server in cycle(SERVERS):
        turned.append(await caller.query(server, request))
        request.page_token = turned[-1].next_page_token
        if not request.page_token:
            break
    return turned


async def check_resumed_stream(caller: Caller, token: str, tokens: list[str], facts: set[tuple[int, int]]) -> None:
    """Assert that another server streams all events behind the token of one server, and nothing else."""
    request = StreamOrderEventsRequest(resume_token=token, at_least_as_fresh=tokens)
    events = [event async for frame in open_stream(caller, OTHER, request) for event in frame.events]
    begin = token_offsets(token)
    later_facts = {(partition, offset) for partition, offset in facts if offset >= begin.get(partition, 0)}
    check_events(events, later_facts)
