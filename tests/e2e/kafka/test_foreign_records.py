"""Foreign bytes on a topic crash no server, change no history, and are counted."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from confluent_kafka import Consumer, TopicPartition
from tests.e2e.kafka.servers import Caller, change_quantity, create_empty_topic, create_server, run_servers
from tests.e2e.refusals import catch_refusal
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order, new_id
from tests.kafka.cluster import Cluster
from tests.kafka.foreign_records import Foreign, OwnRecord, create_broken_record, generate_foreign, produce
from tests.trials import choose_size

from ordertrail.v1.commands_pb2 import ConfirmOrderRequest
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, ListOrderEventsRequest
from ordertrail.v1.projection_service_pb2 import RECORD_VERDICT_FOREIGN, ExplainEventRequest
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.storage.sqlite import sqlite3

PARTITIONS = 3
MANY = choose_size(20_000, 100_000, 100_000)
PART = 2_000
DAMAGED = 5


@pytest.mark.sampled
async def test_foreign_messages_are_counted_and_change_no_history(cluster: Cluster, tmp_path: Path) -> None:
    topic = create_empty_topic(cluster, "foreign", PARTITIONS)
    server = create_server(cluster, topic, tmp_path / "all", "command,projector,query")
    command_server = create_server(cluster, topic, tmp_path / "command")
    with run_servers(server, command_server) as servers:
        async with Caller(*servers) as caller:
            await wait_until_serving(server.address)
            orders = await place_alternately(caller, 30)
            tokens = [receipt.consistency_token for receipt in caller.receipts]
            before = [await read_history(caller, order_id, tokens) for order_id in orders]
            messages = generate_foreign(Random(5), await asyncio.to_thread(read_records, cluster, topic), PARTITIONS)
            await place_orders_during(caller, cluster, topic, messages)
            broken_records = [create_broken_record(order_id, 2, PARTITIONS) for order_id in orders[:DAMAGED]]
            await asyncio.to_thread(produce, cluster.bootstrap, topic, iter(broken_records))
            for order_id in orders[DAMAGED:]:
                await caller.send(1, change_quantity(order_id, 1))
            # A token belongs to one partition. Together these are behind the damage in all partitions.
            tokens = [receipt.consistency_token for receipt in caller.receipts[DAMAGED - 30 :]]
            for number, order_id in enumerate(orders[:DAMAGED]):
                await check_parked(caller, number % 2, order_id, tokens)
            after = [await read_history(caller, order_id, tokens) for order_id in orders[DAMAGED:]]
            assert [events[:1] for events in after] == before[DAMAGED:]
            assert {len(events) for events in after} == {2}
            report = await caller.check_topic(cluster, topic, DAMAGED)
            assert len(report.foreign) == MANY
            partition, offset = report.foreign[-1]
            explained = await caller.query(0, ExplainEventRequest(partition=partition, offset=offset))
            assert (explained.verdict, bool(explained.verdict_detail)) == (RECORD_VERDICT_FOREIGN, True)
        assert server.stop() == 0
        assert command_server.stop() == 0
    facts = 30 + (30 - DAMAGED) + MANY // PART * 10
    assert count_records(server) == {
        "records": MANY + DAMAGED + facts,
        "foreign": MANY,
        "broken": DAMAGED,
        "events": facts,
    }
    assert server.faults + command_server.faults == []


async def place_alternately(caller: Caller, count: int) -> list[str]:
    """Place orders, in turn on both servers; return their ids."""
    orders = [new_id("order") for _ in range(count)]
    for number, order_id in enumerate(orders):
        await caller.send(number % 2, build_order(order_id))
    return orders


async def test_message_without_value_ends_a_wait_for_records(cluster: Cluster) -> None:
    topic = create_empty_topic(cluster, "no.value")
    log = await KafkaLog.open({"bootstrap.servers": cluster.bootstrap}, topic)
    for end in range(5):
        waiting = asyncio.ensure_future(log.wait(0, end))
        await asyncio.sleep(0.02)  # it waits at the end by then, most often
        await asyncio.to_thread(produce, cluster.bootstrap, topic, iter([Foreign(0, b"key", [b"", None][end % 2])]))
        await asyncio.wait_for(waiting, 10)
        assert [record.offset for record in await log.read(0, end, 10)] == [end]
    await log.close()


async def place_orders_during(caller: Caller, cluster: Cluster, topic: str, messages: Iterator[Foreign]) -> None:
    """Write all foreign messages, and place ten orders during each part of them.

    A call may have to wait until its server has read the foreign messages before its record: of a part or two, so that
    the deadline of a call does not depend on the number of all.
    """
    for _ in range(MANY // PART):
        part = asyncio.create_task(asyncio.to_thread(produce, cluster.bootstrap, topic, islice(messages, PART)))
        await place_alternately(caller, 10)
        await part


async def read_history(caller: Caller, order_id: str, tokens: Sequence[str]) -> list[bytes]:
    page = await caller.query(0, ListOrderEventsRequest(order_id=order_id, at_least_as_fresh=tokens))
    return [event.SerializeToString() for event in page.events]


async def check_parked(caller: Caller, server: int, order_id: str, tokens: Sequence[str]) -> None:
    """Assert that a server refuses commands and queries of a parked order."""
    confirm = ConfirmOrderRequest(order_id=order_id, request_id=new_id("confirm"))
    refusal = await catch_refusal(RPCS["ConfirmOrder"].call(caller.channels[server], confirm.SerializeToString()))
    assert refusal.reason == "ORDER_PARKED"
    request = GetOrderRequest(order_id=order_id, at_least_as_fresh=tokens)
    read = await catch_refusal(RPCS["GetOrder"].call(caller.channels[0], request.SerializeToString()))
    assert read.reason == "ORDER_PARKED"


def read_records(cluster: Cluster, topic: str) -> list[OwnRecord]:
    """Return the records that the topic holds."""
    settings = {"bootstrap.servers": cluster.bootstrap, "group.id": "foreigner", "enable.partition.eof": True}
    records: list[OwnRecord] = []
    with closing(Consumer(settings)) as consumer:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
        ended = 0
        while ended < PARTITIONS:
            message = consumer.poll(10.0)
            assert message is not None
            if message.error() is not None:
                ended += 1
            else:
                records.append(OwnRecord(message.partition() or 0, message.key() or b"", message.value() or b""))
    return records


def count_records(server: RunningServer) -> dict[str, int]:
    """Return the number of records in a read model by verdict."""
    directory = DataDirectory(server.data).projections
    with closing(sqlite3.connect(live_generation(directory, ORDERS))) as orders:
        verdicts = orders.execute("SELECT verdict, count(*) FROM not_links GROUP BY verdict").fetchall()
    with closing(sqlite3.connect(live_generation(directory, HISTORY))) as history:
        [events] = history.execute("SELECT count(*) FROM events").fetchone()
        [records] = history.execute("SELECT sum(next_offset) FROM ordertrail_positions").fetchone()
    return {"records": records, **dict(verdicts), "events": events}
