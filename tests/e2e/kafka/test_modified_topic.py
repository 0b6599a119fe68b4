"""A server whose topic is modified from outside ends with a message, and never mixes two logs."""

import asyncio
import re
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import grpc
import pytest
from confluent_kafka import OFFSET_END, Consumer
from tests.e2e.kafka.servers import Caller, create_empty_topic, create_server, run_servers
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order, new_id
from tests.kafka.cluster import Cluster
from tests.kafka.topics import add_partition, delete_topic, truncate_partition

from ordertrail_server.log.kafka.offset_queries import query_watermarks

PARTITIONS = 2
# An idle command server, and two servers that read the log continuously.
ROLES = ("command", "command,projector,query", "projector,query")


class Modification(NamedTuple):
    """A modification of a topic, and the messages of servers that run and of servers that are restarted."""

    apply: Callable[[Cluster, str], object]
    message: str
    restart_message: str


MODIFICATIONS = {
    "deleted": Modification(delete_topic, "was deleted", "has no topic"),
    "made again": Modification(
        lambda cluster, topic: create_empty_topic(cluster, topic, PARTITIONS), "was deleted", "another log"
    ),
    "lost a beginning": Modification(
        lambda cluster, topic: truncate_partition(cluster, topic, 1, 2),
        "partition 1 begins at offset 2",
        "begins at offset 2",
    ),
    "lost all of a partition": Modification(
        lambda cluster, topic: truncate_partition(cluster, topic, 1, OFFSET_END),
        r"partition 1 begins at offset \d+",
        "begins at",
    ),
    "has more partitions": Modification(
        lambda cluster, topic: add_partition(cluster, topic, PARTITIONS),
        "has 3 partitions, and had 2",
        "first records are placed as in a topic of 2: partitions were added",
    ),
}


@pytest.mark.parametrize("modification", MODIFICATIONS.values(), ids=MODIFICATIONS.keys())
async def test_modified_topic_ends_its_servers_and_prevents_their_restart(
    cluster: Cluster, tmp_path: Path, modification: Modification
) -> None:
    topic = create_empty_topic(cluster, "modified", PARTITIONS)
    servers = [create_server(cluster, topic, tmp_path / roles.replace(",", "-"), roles) for roles in ROLES]
    with run_servers(*servers):
        async with Caller(*servers) as caller:
            for number in range(20):
                await caller.send(number % 2, build_order(new_id("order")))
            for server in servers[1:]:  # a projector that still starts would report a missing topic
                await wait_until_serving(server.address)
        await asyncio.to_thread(modification.apply, cluster, topic)
        await check_all_end(servers, modification.message)
        for server in servers:
            server.spawn()
        await check_all_end(servers, modification.restart_message)


async def check_all_end(servers: list[RunningServer], message: str) -> None:
    """Assert that every server ends by itself with this message in its last line."""
    ended = await asyncio.gather(*(asyncio.to_thread(server.wait) for server in servers))
    assert ended == [1] * len(servers)
    for server in servers:
        assert re.search(f"^Error: .*{message}", server.stderr.splitlines()[-1]), server.stderr
        assert server.faults == []


async def test_server_writes_no_order_to_a_partition_that_was_added(cluster: Cluster, tmp_path: Path) -> None:
    topic = create_empty_topic(cluster, "modified", PARTITIONS)
    server = create_server(cluster, topic, tmp_path / "command")
    with run_servers(server):
        async with Caller(server) as caller:
            while used_partitions(caller) != {*range(PARTITIONS)}:
                await caller.send(0, build_order(new_id("order")))
            placing = asyncio.create_task(place_until_refused(caller))
            await asyncio.to_thread(add_partition, cluster, topic, PARTITIONS)
            await check_all_end([server], "has 3 partitions, and had 2")
            await placing
    assert used_partitions(caller) == {*range(PARTITIONS)}
    with closing(create_server(cluster, topic, tmp_path / "another")) as another:  # whose data directory is new
        another.spawn()
        await check_all_end([another], "first records are placed as in a topic of 2: partitions were added")
    with closing(Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "ends"})) as consumer:
        assert await asyncio.to_thread(query_watermarks, consumer, topic, PARTITIONS, 10.0) == (0, 0)


def used_partitions(caller: Caller) -> set[int]:
    """Return the partitions that the caller's orders are on."""
    return {receipt.position.partition for receipt in caller.receipts}


async def place_until_refused(caller: Caller) -> None:
    with suppress(grpc.aio.AioRpcError):
        while True:
            await caller.send(0, build_order(new_id("order")))
