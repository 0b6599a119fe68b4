"""Servers whose topic is meddled with while they run: each ends with a plain message, and mixes no two logs."""

import asyncio
import re
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
from confluent_kafka import OFFSET_END, Consumer
from tests.e2e.kafka.servers import Shop, a_server, new_topic, started
from tests.e2e.running_server import RunningServer, until_serving
from tests.e2e.shop import an_order, new_id
from tests.kafka.cluster import Cluster
from tests.kafka.topics import add_partition, delete_topic, truncate_partition

from ordertrail_server.log.kafka.offset_queries import query_watermarks

PARTITIONS = 2
# One that takes commands and has nothing to do, and two that look into the log all the time.
ROLES = ("command", "command,projector,query", "projector,query")


class Meddling(NamedTuple):
    """What is done to a topic, and what is said then: by servers that run, and by those that are started again."""

    do: Callable[[Cluster, str], object]
    says: str
    says_again: str


MEDDLINGS = {
    "deleted": Meddling(delete_topic, "was deleted", "has no topic"),
    "made again": Meddling(lambda cluster, topic: new_topic(cluster, topic, PARTITIONS), "was deleted", "another log"),
    "lost a beginning": Meddling(
        lambda cluster, topic: truncate_partition(cluster, topic, 1, 2),
        "partition 1 begins at offset 2",
        "begins at offset 2",
    ),
    "lost all of a partition": Meddling(
        lambda cluster, topic: truncate_partition(cluster, topic, 1, OFFSET_END),
        r"partition 1 begins at offset \d+",
        "begins at",
    ),
    "has more partitions": Meddling(
        lambda cluster, topic: add_partition(cluster, topic, PARTITIONS),
        "has 3 partitions, and had 2",
        "first records are placed as in a topic of 2: partitions were added",
    ),
}


@pytest.mark.parametrize("meddling", MEDDLINGS.values(), ids=MEDDLINGS.keys())
async def test_modified_topic_ends_its_servers_and_prevents_their_restart(
    cluster: Cluster, tmp_path: Path, meddling: Meddling
) -> None:
    topic = new_topic(cluster, "meddled.with", PARTITIONS)
    servers = [a_server(cluster, topic, tmp_path / roles.replace(",", "-"), roles) for roles in ROLES]
    with started(*servers):
        async with Shop(*servers) as shop:
            for number in range(20):
                await shop.send(number % 2, an_order(new_id("order")))
            for server in servers[1:]:  # a projector that still starts would say that there is no topic
                await until_serving(server.address)
        await asyncio.to_thread(meddling.do, cluster, topic)
        await all_end(servers, meddling.says)
        for server in servers:
            server.spawn()
        await all_end(servers, meddling.says_again)


async def all_end(servers: list[RunningServer], says: str) -> None:
    """Assert that every server ends, soon and by itself, and that its last words are these."""
    ended = await asyncio.gather(*(asyncio.to_thread(server.wait) for server in servers))
    assert ended == [1] * len(servers)
    for server in servers:
        assert re.search(f"^Error: .*{says}", server.stderr.splitlines()[-1]), server.stderr
        assert server.faults == []


async def test_server_writes_no_order_to_a_partition_that_was_added(cluster: Cluster, tmp_path: Path) -> None:
    topic = new_topic(cluster, "meddled.with", PARTITIONS)
    server = a_server(cluster, topic, tmp_path / "command")
    with started(server):
        async with Shop(server) as shop:
            placing = asyncio.create_task(place_as_long_as_it_serves(shop))
            await asyncio.to_thread(add_partition, cluster, topic, PARTITIONS)
            await all_end([server], "has 3 partitions, and had 2")
            await placing
    assert {receipt.position.partition for receipt in shop.receipts} == {*range(PARTITIONS)}
    with closing(a_server(cluster, topic, tmp_path / "another")) as another:  # which knows of no time before
        another.spawn()
        await all_end([another], "first records are placed as in a topic of 2: partitions were added")
    with closing(Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "ends"})) as consumer:
        assert await asyncio.to_thread(query_watermarks, consumer, topic, PARTITIONS, 10.0) == (0, 0)


async def place_as_long_as_it_serves(shop: Shop) -> None:
    with suppress(grpc.aio.AioRpcError):
        while True:
            await shop.send(0, an_order(new_id("order")))
