"""A topic that others write to and read as well, and a long one."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from tests.kafka.cluster import Cluster
from tests.kafka.topics import renew
from tests.log.contract import SOON, entries, logged

from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.producer import Headers
from ordertrail_server.log.kafka.topic import ORDER_EVENTS
from ordertrail_server.log.port import Entry, Logged, LogUnavailable
from ordertrail_server.orders.chain import digest

FETCH_MS = 5_000


def headers_of(value: bytes) -> Headers:
    return [("length", str(len(value)))]


@pytest.fixture
async def logs(cluster: Cluster) -> AsyncIterator[tuple[KafkaLog, KafkaLog]]:
    """Two servers' logs on one topic of three partitions."""
    renew(cluster, partitions=3)
    settings = {"bootstrap.servers": cluster.bootstrap}
    pair = (await KafkaLog.open(settings, headers_of=headers_of), await KafkaLog.open(settings))
    yield pair
    for log in pair:
        await log.close()


async def test_all_servers_of_a_topic_know_it_by_one_identity(logs: tuple[KafkaLog, KafkaLog]) -> None:
    ours, theirs = logs
    assert (ours.identity, ours.partitions, ours.capabilities.atomic_append) == (theirs.identity, 3, False)


async def test_two_servers_that_append_at_once_are_each_told_where_their_records_are(
    logs: tuple[KafkaLog, KafkaLog],
) -> None:
    batches = [entries(20, 20 * number) for number in range(60)]
    told = await asyncio.gather(*(logs[number % 2].append(1, batch) for number, batch in enumerate(batches)))
    value_at = {record.offset: record.value for record in await logs[0].read(1, 0, 10_000)}
    assert sorted(value_at) == list(range(1200))
    for batch, offsets in zip(batches, told, strict=True):
        assert [value_at[offset] for offset in offsets] == [entry.value for entry in batch]
        assert offsets == sorted(offsets)


async def test_a_server_follows_what_another_appends_to_every_partition(logs: tuple[KafkaLog, KafkaLog]) -> None:
    ours, theirs = logs

    async def follow(partition: int) -> list[Logged]:
        seen: list[Logged] = []
        while len(seen) < 100:
            await asyncio.wait_for(ours.wait(partition, len(seen)), SOON)
            seen += await ours.read(partition, len(seen), 1_000)
        return seen

    following = [asyncio.ensure_future(follow(partition)) for partition in range(3)]
    for number in range(100):
        for partition in range(3):
            await theirs.append(partition, entries(1, number))
    assert await asyncio.gather(*following) == [logged(entries(100))] * 3


async def test_waiting_costs_next_to_nothing_and_ends_with_the_record(cluster: Cluster) -> None:
    renew(cluster, partitions=3)
    settings = {"bootstrap.servers": cluster.bootstrap}
    theirs, ours = await KafkaLog.open(settings), await KafkaLog.open(settings | {"fetch.wait.max.ms": FETCH_MS})
    for end, idle_s in ((0, 0.0), (1, 1.0)):  # the second time its readers stand already
        waiting = [asyncio.ensure_future(ours.wait(partition, end)) for partition in range(3)]
        begun, worked = time.monotonic(), time.process_time()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting[0]), idle_s)
        spent, lasted = time.process_time() - worked, time.monotonic() - begun
        appended = time.monotonic()
        for partition in range(3):
            await theirs.append(partition, entries(1))
        await asyncio.wait_for(asyncio.gather(*waiting), SOON)
    assert spent < 0.2 * lasted
    assert time.monotonic() - appended < FETCH_MS / 2_000  # so it was the record that woke it
    for log in (ours, theirs):
        await log.close()


async def test_readers_at_many_places_of_one_partition_do_not_disturb_each_other(
    logs: tuple[KafkaLog, KafkaLog],
) -> None:
    log, _ = logs
    await log.append(0, entries(2_000))

    async def scan(begin: int) -> list[Logged]:
        return [record for start in range(begin, 2_000, 50) for record in await log.read(0, start, 50)]

    scans = await asyncio.gather(*(scan(begin) for begin in range(0, 1_000, 50)))
    for number, found in enumerate(scans):
        assert found == logged(entries(2_000))[50 * number :]


async def test_a_long_log_is_read_whole_in_order_and_fast(logs: tuple[KafkaLog, KafkaLog]) -> None:
    ours, theirs = logs
    for first in range(0, 100_000, 5_000):
        await theirs.append(2, entries(5_000, first))
    found: list[Logged] = []
    begun = time.monotonic()
    while records := await ours.read(2, len(found), 1_000):
        found += records
    assert time.monotonic() - begun < SOON
    assert found == logged(entries(100_000))


async def test_closing_finishes_what_has_begun_and_refuses_all_else(logs: tuple[KafkaLog, KafkaLog]) -> None:
    ours, theirs = logs
    await ours.append(0, entries(1))
    appending = [asyncio.ensure_future(ours.append(1, entries(5))) for _ in range(20)]
    reading, waiting = asyncio.ensure_future(ours.read(0, 0, 1)), asyncio.ensure_future(ours.wait(0, 1))
    await asyncio.sleep(0)
    await ours.close()
    assert sorted(offset for told in await asyncio.gather(*appending) for offset in told) == list(range(100))
    assert await reading == logged(entries(1))
    with pytest.raises(LogUnavailable, match="closed"):
        await waiting
    for call in (ours.append(0, entries(1)), ours.read(0, 0, 1), ours.end(0), ours.wait(0, 0)):
        with pytest.raises(LogUnavailable, match="closed"):
            await call
    assert await theirs.end(1) == 100
    await ours.close()


async def test_what_foreigners_write_is_read_as_it_is(cluster: Cluster, logs: tuple[KafkaLog, KafkaLog]) -> None:
    log, _ = logs
    foreigner = Producer({"bootstrap.servers": cluster.bootstrap})
    for key, value in [(None, b"no key"), (b"order-1", None), (b"\xff\xfe", b"no text"), (b"", b"")]:
        foreigner.produce(ORDER_EVENTS, value, key, 0)
        await asyncio.to_thread(foreigner.flush)
    found = [(record.key, record.value) for record in await log.read(0, 0, 10)]
    assert found == [("", b"no key"), ("order-1", b""), ("", b"no text"), ("", b"")]


async def test_a_message_is_what_other_tools_expect_of_it(cluster: Cluster, logs: tuple[KafkaLog, KafkaLog]) -> None:
    log, _ = logs
    await log.append(2, [Entry("order-ö", b"value")])
    tool = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "tool"})
    tool.assign([TopicPartition(ORDER_EVENTS, 2, 0)])
    message = await asyncio.to_thread(tool.poll, SOON)
    tool.close()
    assert message is not None
    assert (message.key(), message.value(), message.headers()) == ("order-ö".encode(), b"value", [("length", b"5")])


async def test_a_record_that_is_too_large_takes_its_batch_with_it_and_nothing_else(
    logs: tuple[KafkaLog, KafkaLog],
) -> None:
    log, _ = logs
    with pytest.raises(ValueError, match="1000000 bytes is too large for the log; nothing was appended"):
        await log.append(0, [*entries(3), Entry("order-1", b"x" * 1_000_000)])
    with pytest.raises(UnicodeEncodeError):
        await log.append(0, [*entries(3), Entry("\ud800", b"half a pair is no text")])
    assert await log.append(0, entries(2)) == [0, 1]
    assert [record.digest for record in await log.read(0, 0, 9)] == [digest(value) for _, value in entries(2)]
