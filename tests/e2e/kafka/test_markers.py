"""Markers of foreign transactions at the ends of partitions: they are no records, and nobody waits for them."""

import asyncio
from contextlib import closing
from pathlib import Path
from time import time
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from tests.e2e.kafka.servers import Shop, a_server, changed, new_topic, started
from tests.e2e.refusals import refusal
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import until_serving
from tests.e2e.shop import an_order, new_id
from tests.kafka.cluster import Cluster
from tests.kafka.foreign_records import produce_transaction

from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, StreamOrderEventsRequest
from ordertrail.v1.projection_service_pb2 import RetryParkedOrderRequest

PARTITIONS = 3
ALL, QUERY, LATER = 0, 1, 2


async def test_transaction_markers_at_partition_ends_delay_no_reader(cluster: Cluster, tmp_path: Path) -> None:
    topic = new_topic(cluster, "markers", PARTITIONS)
    servers = [a_server(cluster, topic, tmp_path / "all", "command,projector,query")]
    servers += [a_server(cluster, topic, tmp_path / name, "projector,query") for name in ("query", "later")]
    with started(*servers[:LATER]):
        async with Shop(*servers[:LATER]) as shop:
            for server in servers[:LATER]:
                await until_serving(server.address)
            order_id = new_id("order")
            place = (await shop.send(ALL, an_order(order_id))).position
            ends = [2 + (partition == place.partition) for partition in range(PARTITIONS)]
            await asyncio.to_thread(produce_transaction, cluster.bootstrap, topic, *range(PARTITIONS))
            await asyncio.to_thread(reach, cluster, topic, ends)
            for number in (ALL, QUERY):
                await is_current(shop, number, order_id)
                told = await refusal(ask(shop, number, "RetryParkedOrder", RetryParkedOrderRequest(order_id=order_id)))
                assert told.reason == "ORDER_NOT_PARKED"
            now = StreamOrderEventsRequest(now=True).SerializeToString()
            tokens = [
                (await RPCS["StreamOrderEvents"].call(channel, now, 20.0))[-1].resume_token for channel in shop.channels
            ]
            with started(servers[LATER]):
                await until_serving(servers[LATER].address)
                async with Shop(*servers) as all_of_them:
                    await is_current(all_of_them, LATER, order_id)
                    changing = await shop.send(ALL, changed(order_id, 1))
                    for token in tokens:
                        await goes_on(all_of_them, token, changing.consistency_token)
                assert servers[LATER].stop() == 0
            await shop.audit(cluster, topic)
        assert [server.stop() for server in servers[:LATER]] == [0, 0]
    assert [fault for server in servers for fault in server.faults] == []


def reach(cluster: Cluster, topic: str, ends: list[int]) -> None:
    """Return when the partitions end there. Blocks."""
    with closing(Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "any"})) as consumer:
        for partition, end in enumerate(ends):
            while consumer.get_watermark_offsets(TopicPartition(topic, partition), 10.0)[1] < end:
                pass


async def is_current(shop: Shop, server: int, order_id: str) -> None:
    """Return once a server's answers say that they include all that the log held at some moment from now on."""
    since, current_at = time(), Timestamp()
    async with asyncio.timeout(30):
        while current_at.ToMicroseconds() < since * 1_000_000:
            current_at = (await shop.ask(server, GetOrderRequest(order_id=order_id))).current_at
            await asyncio.sleep(0.05)


async def goes_on(shop: Shop, token: str, until: str) -> None:
    """Assert that each server goes on from the token with the change, and nothing else."""
    request = StreamOrderEventsRequest(resume_token=token, at_least_as_fresh=[until])
    for server in (ALL, QUERY, LATER):
        frames = await ask(shop, server, "StreamOrderEvents", request)
        assert [event.order_version for frame in frames for event in frame.events] == [2]


async def ask(shop: Shop, server: int, name: str, request: Message) -> list[Any]:
    return await RPCS[name].call(shop.channels[server], request.SerializeToString(), 20.0)
