"""Roles apart: a server that takes commands, and two that project and answer queries, each with its own directory."""

import asyncio
from base64 import urlsafe_b64decode
from contextlib import closing
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from tests.e2e.kafka.servers import Shop, a_server, changed, new_topic, started
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer, until_serving
from tests.e2e.shop import an_order, new_id
from tests.kafka.cluster import Cluster

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    ListOrderEventsRequest,
    ListOrdersRequest,
    StreamOrderEventsRequest,
    StreamOrderEventsResponse,
)
from ordertrail.v1.position_pb2 import TokenContents
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.projections.definition import read_model_file
from ordertrail_server.storage.sqlite import sqlite3

PARTITIONS = 3
COMMANDS, ONE, OTHER = 0, 1, 2
KILLS = 3


async def test_killed_query_servers_resume_and_return_equal_answers(cluster: Cluster, tmp_path: Path) -> None:
    topic = new_topic(cluster, "roles", PARTITIONS)
    servers = [a_server(cluster, topic, tmp_path / "commands")]
    servers += [a_server(cluster, topic, tmp_path / name, "projector,query") for name in ("one", "other")]
    with started(*servers):
        async with Shop(*servers) as shop:
            orders = [new_id("order") for _ in range(12)]
            for order_id in orders:
                await shop.send(COMMANDS, an_order(order_id))
            stop = asyncio.Event()
            giving = asyncio.create_task(give_commands(shop, orders, stop))
            await kill_again_and_again(servers[ONE])
            stop.set()
            await giving
            for address in (servers[ONE].address, servers[OTHER].address):
                await until_serving(address)
            report = await shop.audit(cluster, topic)
            facts = sum(map(len, report.orders.values()))
            tokens = list(newest(shop).values())
            await both_answer_alike(shop, orders, tokens)
            await a_stream_goes_on_at_the_other(shop, facts)
        assert [server.stop() for server in servers] == [0, 0, 0]
    for server in servers[ONE:]:
        assert events_of(server) == facts
        assert server.faults == []


async def give_commands(shop: Shop, orders: list[str], stop: asyncio.Event) -> None:
    """Change one order after another, so that facts come all the time."""
    for number in count(1):
        if stop.is_set():
            return
        await asyncio.gather(*(shop.insist(COMMANDS, changed(order_id, number), step=0) for order_id in orders))


async def kill_again_and_again(server: RunningServer) -> None:
    random, reached = Random(3), 0
    await until_serving(server.address)
    for _ in range(KILLS):
        await asyncio.sleep(random.uniform(0.0, 0.5))  # at any moment, also before it has caught up
        server.kill()
        stands = position_of(server)
        assert stands >= reached
        reached = stands
        await asyncio.to_thread(server.start)
    assert reached > 0


async def both_answer_alike(shop: Shop, orders: list[str], tokens: list[str]) -> None:
    asked: list[Any] = [GetOrderRequest(order_id=order_id, at_least_as_fresh=tokens) for order_id in orders]
    asked += [ListOrderEventsRequest(order_id=order_id, at_least_as_fresh=tokens, page_size=50) for order_id in orders]
    asked += [ListOrdersRequest(customer_id="shop-1", at_least_as_fresh=tokens, page_size=5)]
    for request in asked:
        one, other = [await but_for_its_time(shop, server, request) for server in (ONE, OTHER)]
        assert one == other
        if getattr(one, "next_page_token", ""):  # a page that one began is turned by the other
            request.page_token = one.next_page_token
            assert await but_for_its_time(shop, ONE, request) == await but_for_its_time(shop, OTHER, request)


async def but_for_its_time(shop: Shop, server: int, request: Any) -> Any:
    """Return an answer without `current_at` and `age`: each server has seen the log's end at a time of its own."""
    answer = await shop.ask(server, request)
    assert answer.HasField("current_at")
    answer.ClearField("current_at")
    answer.ClearField("age")
    return answer


async def a_stream_goes_on_at_the_other(shop: Shop, facts: int) -> None:
    """Read all events, some frames from each server in turn, by nothing but the resume token."""
    request, got, server = StreamOrderEventsRequest(max_events_per_frame=50), list[HistoryEvent](), ONE
    caught_up = False
    while not caught_up:
        call = shop.channels[server].unary_stream(
            RPCS["StreamOrderEvents"].path,
            StreamOrderEventsRequest.SerializeToString,
            StreamOrderEventsResponse.FromString,
        )(request, timeout=20)
        async for frame in call:
            got += frame.events
            request.resume_token, caught_up = frame.resume_token, frame.caught_up
            break
        call.cancel()
        server = ONE + OTHER - server
    assert len(got) == len({(event.position.partition, event.position.offset) for event in got}) == facts
    assert places(request.resume_token).keys() == {*range(PARTITIONS)}
    versions: dict[str, int] = {}
    for event in got:
        assert event.order_version == versions.get(event.order_id, 0) + 1
        versions[event.order_id] = event.order_version


def places(token: str) -> dict[int, int]:
    """Return the offset that a token holds for each partition; a client has no business knowing."""
    contents = urlsafe_b64decode(token + "=" * (-len(token) % 4))[1:-4]
    return dict(TokenContents.FromString(contents).offsets)


def newest(shop: Shop) -> dict[int, str]:
    """Return for each partition the token of the receipt that lies farthest."""
    receipts = sorted(shop.receipts, key=lambda receipt: receipt.position.offset)
    return {receipt.position.partition: receipt.consistency_token for receipt in receipts}


def position_of(server: RunningServer) -> int:
    """Return how many records its read model has folded."""
    return _ask(server, "SELECT sum(next_offset) FROM positions")


def events_of(server: RunningServer) -> int:
    return _ask(server, "SELECT count(*) FROM events")


def _ask(server: RunningServer, question: str) -> int:
    with closing(sqlite3.connect(read_model_file(DataDirectory(server.data).read_model))) as model:
        [found] = model.execute(question).fetchone()
    return int(found)
