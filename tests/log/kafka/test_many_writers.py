"""A topic that several servers and other programs write and read, and a long topic."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from tests.kafka.cluster import Cluster
from tests.kafka.topics import recreate_topic
from tests.log.contract import SOON, build_entries, build_logged_records

from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.producer import Headers
from ordertrail_server.log.port import Entry, Logged, LogUnavailable
from ordertrail_server.log.topic_name import ORDER_EVENTS
from ordertrail_server.orders.chain import digest

FETCH_MS = 5_000


def build_headers(value: bytes) -> Headers:
    return [("length", str(len(value)))]


@pytest.fixture
async def logs(cluster: Cluster) -> AsyncIterator[tuple[KafkaLog, KafkaLog]]:
    """Two servers' logs on one topic of three partitions."""
    recreate_topic(cluster, partitions=3)
    settings = {"bootstrap.servers": cluster.bootstrap}
    pair = (await KafkaLog.open(settings, headers_of=build_headers), await KafkaLog.open(settings))
    yield pair
    for log in pair:
        await log.close()


async def test_servers_of_one_topic_see_the_same_identity(logs: tuple[KafkaLog, KafkaLog]) -> None:
    first_log, second_log = logs
    assert (first_log.identity, first_log.partitions, first_log.capabilities.atomic_append) == (
        second_log.identity,
        3,
        False,
    )


async def test_concurrent_servers_get_the_offsets_of_their_own_records(
    logs: tuple[KafkaLog, KafkaLog],
) -> None:
    batches = [build_entries(20, 20 * number) for number in range(60)]
    returned = await asyncio.gather(*(logs[number % 2].append(1, batch) for number, batch in enumerate(batches)))
    value_at = {record.offset: record.value for record in await logs[0].read(1, 0, 10_000)}
    assert sorted(value_at) == list(range(1200))
    for batch, offsets in zip(batches, returned, strict=True):
        assert [value_at[offset] for offset in offsets] == [entry.value for entry in batch]
        assert offsets == sorted(offsets)


async def test_server_follows_all_partitions_that_another_appends_to(logs: tuple[KafkaLog, KafkaLog]) -> None:
    first_log, second_log = logs

    async def follow(partition: int) -> list[Logged]:
        records: list[Logged] = []
        while len(records) < 100:
            await asyncio.wait_for(first_log.wait(partition, len(records)), SOON)
            records += await first_log.read(partition, len(records), 1_000)
        return records

    follow_task = [asyncio.ensure_future(follow(partition)) for partition in range(3)]
    for number in range(100):
        for partition in range(3):
            await second_log.append(partition, build_entries(1, number))
    assert await asyncio.gather(*follow_task) == [build_logged_records(build_entries(100))] * 3


async def test_wait_uses_little_cpu_and_ends_with_the_record(cluster: Cluster) -> None:
    recreate_topic(cluster, partitions=3)
    settings = {"bootstrap.servers": cluster.bootstrap}
    second_log, first_log = (
        await KafkaLog.open(settings),
        await KafkaLog.open(settings | {"fetch.wait.max.ms": FETCH_MS}),
    )
    for end, idle_s in ((0, 0.0), (1, 1.0)):  # the second time its readers already wait there
        wait_task = [asyncio.ensure_future(first_log.wait(partition, end)) for partition in range(3)]
        began, cpu_before = time.monotonic(), time.process_time()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(wait_task[0]), idle_s)
        cpu_seconds, seconds = time.process_time() - cpu_before, time.monotonic() - began
        appended_at = time.monotonic()
        for partition in range(3):
            await second_log.append(partition, build_entries(1))
        await asyncio.wait_for(asyncio.gather(*wait_task), SOON)
    assert cpu_seconds < 0.2 * seconds
    assert time.monotonic() - appended_at < FETCH_MS / 2_000  # so the record ended the wait, not a timeout
    for log in (first_log, second_log):
        await log.close()


async def test_readers_at_many_offsets_of_one_partition_are_independent(
    logs: tuple[KafkaLog, KafkaLog],
) -> None:
    log, _ = logs
    await log.append(0, build_entries(2_000))

    async def scan(begin: int) -> list[Logged]:
        return [record for start in range(begin, 2_000, 50) for record in await log.read(0, start, 50)]

    scans = await asyncio.gather(*(scan(begin) for begin in range(0, 1_000, 50)))
    for number, records in enumerate(scans):
        assert records == build_logged_records(build_entries(2_000))[50 * number :]


async def test_long_log_is_read_whole_in_order_and_fast(logs: tuple[KafkaLog, KafkaLog]) -> None:
    first_log, second_log = logs
    for first in range(0, 100_000, 5_000):
        await second_log.append(2, build_entries(5_000, first))
    records: list[Logged] = []
    began = time.monotonic()
    while batch := await first_log.read(2, len(records), 1_000):
        records += batch
    assert time.monotonic() - began < SOON
    assert records == build_logged_records(build_entries(100_000))


async def test_close_finishes_running_calls_and_refuses_later_ones(logs: tuple[KafkaLog, KafkaLog]) -> None:
    first_log, second_log = logs
    await first_log.append(0, build_entries(1))
    append_task = [asyncio.ensure_future(first_log.append(1, build_entries(5))) for _ in range(20)]
    reading, wait_task = asyncio.ensure_future(first_log.read(0, 0, 1)), asyncio.ensure_future(first_log.wait(0, 1))
    await asyncio.sleep(0)
    await first_log.close()
    assert sorted(offset for offsets in await asyncio.gather(*append_task) for offset in offsets) == list(range(100))
    assert await reading == build_logged_records(build_entries(1))
    with pytest.raises(LogUnavailable, match="closed"):
        await wait_task
    for call in (
        first_log.append(0, build_entries(1)),
        first_log.read(0, 0, 1),
        first_log.end(0),
        first_log.wait(0, 0),
    ):
        with pytest.raises(LogUnavailable, match="closed"):
            await call
    assert await second_log.end(1) == 100
    await first_log.close()


async def test_foreign_records_are_read_unchanged(cluster: Cluster, logs: tuple[KafkaLog, KafkaLog]) -> None:
    log, _ = logs
    producer = Producer({"bootstrap.servers": cluster.bootstrap})
    for key, value in [(None, b"no key"), (b"order-1", None), (b"\xff\xfe", b"no text"), (b"", b"")]:
        producer.produce(ORDER_EVENTS, value, key, 0)
        await asyncio.to_thread(producer.flush)
    records = [(record.key, record.value) for record in await log.read(0, 0, 10)]
    assert records == [("", b"no key"), ("order-1", b""), ("", b"no text"), ("", b"")]


async def test_message_has_key_value_and_headers_for_other_consumers(
    cluster: Cluster, logs: tuple[KafkaLog, KafkaLog]
) -> None:
    log, _ = logs
    await log.append(2, [Entry("order-ö", b"value")])
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "tool"})
    consumer.assign([TopicPartition(ORDER_EVENTS, 2, 0)])
    message = await asyncio.to_thread(consumer.poll, SOON)
    consumer.close()
    assert message is not None
    assert (message.key(), message.value(), message.headers()) == ("order-ö".encode(), b"value", [("length", b"5")])


async def test_too_large_record_fails_its_batch_only(
    logs: tuple[KafkaLog, KafkaLog],
) -> None:
    log, _ = logs
    with pytest.raises(ValueError, match="1000000 bytes is too large for the log; nothing was appended"):
        await log.append(0, [*build_entries(3), Entry("order-1", b"x" * 1_000_000)])
    with pytest.raises(UnicodeEncodeError):
        await log.append(0, [*build_entries(3), Entry("\ud800", b"a lone surrogate is not encodable")])
    assert await log.append(0, build_entries(2)) == [0, 1]
    assert [record.digest for record in await log.read(0, 0, 9)] == [digest(value) for _, value in build_entries(2)]
