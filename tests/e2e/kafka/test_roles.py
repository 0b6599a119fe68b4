"""A command server and two query servers, each with a directory of its own."""

import asyncio
from contextlib import closing
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.e2e.kafka.servers import (
    Caller,
    change_quantity,
    create_empty_topic,
    create_server,
    newest_tokens,
    run_servers,
    token_offsets,
)
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order, new_id
from tests.kafka.cluster import Cluster

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    ListOrderEventsRequest,
    ListOrdersRequest,
    StreamOrderEventsRequest,
    StreamOrderEventsResponse,
)
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.projections.catalog import HISTORY
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.storage.sqlite import sqlite3

PARTITIONS = 3
COMMANDS, ONE, OTHER = 0, 1, 2
KILLS = 3


@pytest.mark.trial
async def test_killed_query_servers_resume_and_return_equal_answers(cluster: Cluster, tmp_path: Path) -> None:
    topic = create_empty_topic(cluster, "roles", PARTITIONS)
    servers = [create_server(cluster, topic, tmp_path / "commands")]
    servers += [create_server(cluster, topic, tmp_path / name, "projector,query") for name in ("one", "other")]
    with run_servers(*servers):
        async with Caller(*servers) as caller:
            orders = [new_id("order") for _ in range(12)]
            for order_id in orders:
                await caller.send(COMMANDS, build_order(order_id))
            stop = asyncio.Event()
            giving = asyncio.create_task(send_commands(caller, orders, stop))
            await kill_repeatedly(servers[ONE])
            stop.set()
            await giving
            for address in (servers[ONE].address, servers[OTHER].address):
                await wait_until_serving(address)
            report = await caller.check_topic(cluster, topic)
            facts = sum(map(len, report.orders.values()))
            tokens = list(newest_tokens(caller).values())
            await check_equal_answers(caller, orders, tokens)
            await check_stream_across_servers(caller, facts)
        assert [server.stop() for server in servers] == [0, 0, 0]
    for server in servers[ONE:]:
        assert count_events(server) == facts
        assert server.faults == []


async def send_commands(caller: Caller, orders: list[str], stop: asyncio.Event) -> None:
    """Change one order after another, so that new facts arrive continuously."""
    for number in count(1):
        if stop.is_set():
            return
        await asyncio.gather(
            *(
                caller.send_until_acknowledged(COMMANDS, change_quantity(order_id, number), step=0)
                for order_id in orders
            )
        )


async def kill_repeatedly(server: RunningServer) -> None:
    random, reached = Random(3), 0
    await wait_until_serving(server.address)
    for _ in range(KILLS):
        await asyncio.sleep(random.uniform(0.0, 0.5))  # at any moment, also before it has caught up
        server.kill()
        position = count_folded_records(server)
        assert position >= reached
        reached = position
        await asyncio.to_thread(server.start)
    assert reached > 0


async def check_equal_answers(caller: Caller, orders: list[str], tokens: list[str]) -> None:
    requests: list[Any] = [GetOrderRequest(order_id=order_id, at_least_as_fresh=tokens) for order_id in orders]
    requests += [
        ListOrderEventsRequest(order_id=order_id, at_least_as_fresh=tokens, page_size=50) for order_id in orders
    ]
    requests += [ListOrdersRequest(customer_id="shop-1", at_least_as_fresh=tokens, page_size=5)]
    for request in requests:
        answer, other_answer = [await query_without_time(caller, server, request) for server in (ONE, OTHER)]
        assert answer == other_answer
        if getattr(answer, "next_page_token", ""):  # one server continues the pages of the other
            request.page_token = answer.next_page_token
            assert await query_without_time(caller, ONE, request) == await query_without_time(caller, OTHER, request)


async def query_without_time(caller: Caller, server: int, request: Any) -> Any:
    """Return an answer without `current_at` and `age`: each server has seen the log's end at a time of its own."""
    answer = await caller.query(server, request)
    assert answer.HasField("current_at")
    answer.ClearField("current_at")
    answer.ClearField("age")
    return answer


async def check_stream_across_servers(caller: Caller, facts: int) -> None:
    """Read all events by the resume token, one frame from each server in turn."""
    request, received, server = StreamOrderEventsRequest(max_events_per_frame=50), list[HistoryEvent](), ONE
    caught_up = False
    while not caught_up:
        call = caller.channels[server].unary_stream(
            RPCS["StreamOrderEvents"].path,
            StreamOrderEventsRequest.SerializeToString,
            StreamOrderEventsResponse.FromString,
        )(request, timeout=20)
        async for frame in call:
            received += frame.events
            request.resume_token, caught_up = frame.resume_token, frame.caught_up
            break
        call.cancel()
        server = ONE + OTHER - server
    assert len(received) == len({(event.position.partition, event.position.offset) for event in received}) == facts
    assert token_offsets(request.resume_token).keys() == {*range(PARTITIONS)}
    versions: dict[str, int] = {}
    for event in received:
        assert event.order_version == versions.get(event.order_id, 0) + 1
        versions[event.order_id] = event.order_version


def count_folded_records(server: RunningServer) -> int:
    """Return the number of records that its read model has folded."""
    return _query(server, "SELECT sum(next_offset) FROM ordertrail_positions")


def count_events(server: RunningServer) -> int:
    return _query(server, "SELECT count(*) FROM events")


def _query(server: RunningServer, question: str) -> int:
    with closing(sqlite3.connect(live_generation(DataDirectory(server.data).projections, HISTORY))) as model:
        [value] = model.execute(question).fetchone()
    return int(value)
