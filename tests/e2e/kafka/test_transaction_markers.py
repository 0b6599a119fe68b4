"""Transaction markers at the ends of partitions are no records, and no reader waits for them."""

import asyncio
from contextlib import closing
from pathlib import Path
from time import time
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from tests.e2e.kafka.servers import Caller, change_quantity, create_empty_topic, create_server, run_servers
from tests.e2e.refusals import catch_refusal
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import wait_until_serving
from tests.e2e.sample_orders import build_order, new_id
from tests.kafka.cluster import Cluster
from tests.kafka.foreign_records import produce_transaction

from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, StreamOrderEventsRequest
from ordertrail.v1.projection_service_pb2 import RetryParkedOrderRequest

PARTITIONS = 3
ALL, QUERY, LATER = 0, 1, 2


async def test_transaction_markers_at_partition_ends_delay_no_reader(cluster: Cluster, tmp_path: Path) -> None:
    topic = create_empty_topic(cluster, "markers", PARTITIONS)
    servers = [create_server(cluster, topic, tmp_path / "all", "command,projector,query")]
    servers += [create_server(cluster, topic, tmp_path / name, "projector,query") for name in ("query", "later")]
    with run_servers(*servers[:LATER]):
        async with Caller(*servers[:LATER]) as caller:
            for server in servers[:LATER]:
                await wait_until_serving(server.address)
            order_id = new_id("order")
            place = (await caller.send(ALL, build_order(order_id))).position
            ends = [2 + (partition == place.partition) for partition in range(PARTITIONS)]
            await asyncio.to_thread(produce_transaction, cluster.bootstrap, topic, *range(PARTITIONS))
            await asyncio.to_thread(wait_for_ends, cluster, topic, ends)
            for number in (ALL, QUERY):
                await wait_until_current(caller, number, order_id)
                refusal = await catch_refusal(
                    call_server(caller, number, "RetryParkedOrder", RetryParkedOrderRequest(order_id=order_id))
                )
                assert refusal.reason == "ORDER_NOT_PARKED"
            now = StreamOrderEventsRequest(now=True).SerializeToString()
            tokens = [
                (await RPCS["StreamOrderEvents"].call(channel, now, 20.0))[-1].resume_token
                for channel in caller.channels
            ]
            with run_servers(servers[LATER]):
                await wait_until_serving(servers[LATER].address)
                async with Caller(*servers) as all_callers:
                    await wait_until_current(all_callers, LATER, order_id)
                    changing = await caller.send(ALL, change_quantity(order_id, 1))
                    for token in tokens:
                        await check_resumed_streams(all_callers, token, changing.consistency_token)
                assert servers[LATER].stop() == 0
            await caller.check_topic(cluster, topic)
        assert [server.stop() for server in servers[:LATER]] == [0, 0]
    assert [fault for server in servers for fault in server.faults] == []


def wait_for_ends(cluster: Cluster, topic: str, ends: list[int]) -> None:
    """Block until the partitions have these end offsets."""
    with closing(Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "any"})) as consumer:
        for partition, end in enumerate(ends):
            while consumer.get_watermark_offsets(TopicPartition(topic, partition), 10.0)[1] < end:
                pass


async def wait_until_current(caller: Caller, server: int, order_id: str) -> None:
    """Wait until `current_at` of a server's answers is later than now."""
    since, current_at = time(), Timestamp()
    async with asyncio.timeout(30):
        while current_at.ToMicroseconds() < since * 1_000_000:
            current_at = (await caller.query(server, GetOrderRequest(order_id=order_id))).current_at
            await asyncio.sleep(0.05)


async def check_resumed_streams(caller: Caller, token: str, until: str) -> None:
    """Assert that the stream of each server resumes at the token with the change and nothing else."""
    request = StreamOrderEventsRequest(resume_token=token, at_least_as_fresh=[until])
    for server in (ALL, QUERY, LATER):
        frames = await call_server(caller, server, "StreamOrderEvents", request)
        assert [event.order_version for frame in frames for event in frame.events] == [2]


async def call_server(caller: Caller, server: int, name: str, request: Message) -> list[Any]:
    return await RPCS[name].call(caller.channels[server], request.SerializeToString(), 20.0)
