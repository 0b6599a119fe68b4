"""What only a log on brokers meets: they die, freeze and come back, and their topics are meddled with."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package marks no exports
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)
from tests.kafka.cluster import Cluster
from tests.kafka.foreign_records import Foreign, produce, transact
from tests.kafka.topics import add_partition, remove, renew, truncate
from tests.log.contract import SOON, entries, logged
from tests.log.kafka.open_log import SHORT_TIMEOUT_S, open_log, retry

from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.names import DEFAULT_TOPIC
from ordertrail_server.log.kafka.topic import ORDER_EVENTS, TopicMissing, TopicRefused
from ordertrail_server.log.port import AppendUncertain, Entry, LogDamaged, LogUnavailable
from ordertrail_server.log.source import KafkaSource


def admin(cluster: Cluster) -> AdminClient:
    return AdminClient({"bootstrap.servers": cluster.bootstrap})


def restart(cluster: Cluster) -> None:
    cluster.nodes[0].start()
    cluster.await_ready()


async def first_end(log: KafkaLog) -> int:
    """Append a record; return where the partition ends then. What had no answer before that may be there as well."""
    await retry(lambda: log.append(0, entries(1)), LogUnavailable, AppendUncertain)
    end: int = await retry(lambda: log.end(0), LogUnavailable)
    return end


async def told(log: KafkaLog, receipts: dict[int, bytes], stop: asyncio.Event) -> None:
    """Append one record after another, and keep what each receipt said; what is uncertain is never tried again."""
    number = 0
    while not stop.is_set():
        batch = entries(3, number)
        number += 3
        try:
            offsets = await log.append(0, batch)
        except (AppendUncertain, LogUnavailable):
            continue
        receipts.update(zip(offsets, [value for _, value in batch], strict=True))


async def test_no_receipt_lies_when_the_broker_is_killed_and_comes_back_while_records_are_appended(
    cluster: Cluster,
) -> None:
    renew(cluster)
    async with open_log(cluster, message_timeout_ms=1_000) as log:
        receipts: dict[int, bytes] = {}
        stop = asyncio.Event()
        appending = asyncio.create_task(told(log, receipts, stop))
        await _more(receipts)
        cluster.nodes[0].kill()
        await asyncio.to_thread(restart, cluster)
        await _more(receipts)
        stop.set()
        await appending
        end = await log.end(0)
        found = {record.offset: record.value for record in await log.read(0, 0, end)}
        assert len(found) == end
        assert {offset: found[offset] for offset in receipts} == receipts


async def _more(receipts: dict[int, bytes]) -> None:
    enough = len(receipts) + 300
    async with asyncio.timeout(3 * SOON):
        while len(receipts) < enough:  # noqa: ASYNC110 (appends go on meanwhile)
            await asyncio.sleep(0.01)


async def test_an_append_that_meets_a_frozen_broker_is_uncertain_and_its_records_land_when_it_thaws(
    cluster: Cluster,
) -> None:
    renew(cluster)
    async with open_log(cluster, message_timeout_ms=1_500) as log:
        begin = await first_end(log)
        cluster.nodes[0].freeze()
        try:
            with pytest.raises(AppendUncertain, match="may be on the log, or appear there later"):
                await log.append(0, entries(2, 3))
            with pytest.raises(LogUnavailable, match="nothing was appended, no broker answers"):
                await log.append(0, entries(1))
        finally:
            cluster.nodes[0].thaw()
        await retry(lambda: log.wait(0, begin + 1), LogUnavailable)
        [offset] = await retry(lambda: log.append(0, entries(1, 5)), LogUnavailable, AppendUncertain)
        found = await retry(lambda: log.read(0, begin, 100), LogUnavailable)
        late, later = logged(entries(2, 3), begin), logged(entries(1, 5), offset)
        assert (found[:2], found[-1:]) == (late, later)
        assert {record.value for record in found[2:]} == {later[0].value}


async def test_without_a_broker_nothing_is_appended_or_read_and_all_goes_on_when_it_is_back(cluster: Cluster) -> None:
    renew(cluster)
    async with open_log(cluster, SHORT_TIMEOUT_S, message_timeout_ms=1_000) as log:
        begin = await first_end(log)
        before = await retry(lambda: log.read(0, 0, 100), LogUnavailable)
        cluster.nodes[0].kill()
        with pytest.raises((AppendUncertain, LogUnavailable)):
            await log.append(0, entries(1))
        with pytest.raises(LogUnavailable):
            await log.end(0)
        with pytest.raises(LogUnavailable, match="nothing was appended, no broker answers"):
            await log.append(0, entries(1))
        with pytest.raises(LogUnavailable):
            await log.wait(0, begin)
        await asyncio.to_thread(restart, cluster)
        assert await retry(lambda: log.read(0, 0, begin), LogUnavailable) == before
        await retry(lambda: log.append(0, entries(2, 3)), LogUnavailable, AppendUncertain)
        await retry(lambda: log.wait(0, begin + 1), LogUnavailable)


async def test_a_topic_that_is_made_again_under_a_log_ends_it(cluster: Cluster) -> None:
    renew(cluster)
    async with open_log(cluster) as log:
        await log.append(0, entries(10))
        waiting = asyncio.ensure_future(log.wait(0, 10))
        await asyncio.to_thread(renew, cluster)
        with pytest.raises(LogDamaged, match=r"created again|was deleted"):
            await asyncio.wait_for(waiting, 2 * SOON)
        with pytest.raises(LogDamaged, match=r"created again|was deleted"):
            await log.append(0, entries(1))
        with pytest.raises(LogDamaged, match=r"created again|was deleted"):
            await log.read(0, 0, 1)


async def test_a_topic_that_is_deleted_under_a_log_ends_it(cluster: Cluster) -> None:
    renew(cluster)
    async with open_log(cluster) as log:
        await log.append(0, entries(10))
        await asyncio.to_thread(remove, cluster)
        with pytest.raises(LogDamaged, match="was deleted"):
            await retry(lambda: _always(log.end(0)), LogUnavailable, LookupError)


async def test_a_log_that_nobody_uses_tells_that_its_topic_was_deleted(cluster: Cluster) -> None:
    renew(cluster)
    async with open_log(cluster) as log:
        await asyncio.to_thread(remove, cluster)
        with pytest.raises(LogDamaged, match="was deleted"):
            await asyncio.wait_for(log.raise_on_loss(), SOON)


async def test_a_log_that_nobody_uses_tells_that_its_beginning_was_removed(cluster: Cluster) -> None:
    renew(cluster, partitions=3)
    async with open_log(cluster) as log:
        await log.append(1, entries(10))
        waiting = asyncio.ensure_future(log.wait(1, 10))
        await asyncio.to_thread(truncate, cluster, ORDER_EVENTS, 1, 4)
        with pytest.raises(LogDamaged, match="lost its beginning: partition 1 begins at offset 4"):
            await asyncio.wait_for(log.raise_on_loss(), SOON)
        with pytest.raises(LogDamaged, match="lost its beginning: partition 1 begins at offset 4"):
            await waiting


async def _always(call: Awaitable[object]) -> None:
    await call
    raise LookupError


async def test_more_partitions_under_a_log_end_it(cluster: Cluster) -> None:
    renew(cluster, partitions=2)
    async with open_log(cluster) as log:
        add_partition(cluster, ORDER_EVENTS, 2)
        with pytest.raises(LogDamaged, match="has 3 partitions, and had 2"):
            await asyncio.wait_for(log.wait(0, 0), SOON)


async def test_a_log_that_lost_its_beginning_is_damaged_and_not_opened_again(cluster: Cluster) -> None:
    renew(cluster)
    async with open_log(cluster) as log:
        await log.append(0, entries(10))
        truncate(cluster, ORDER_EVENTS, 0, 4)
        with pytest.raises(LogDamaged, match="lost its beginning"):
            await log.read(0, 0, 3)
        with pytest.raises(LogDamaged, match="begins at offset 4"):
            await log.end(0)
    with pytest.raises(TopicRefused, match=r"Partition 0 of the topic orders\.events begins at offset 4"):
        async with open_log(cluster):
            pass


async def test_whoever_follows_a_topic_reads_what_is_there_and_may_not_append(cluster: Cluster, tmp_path: Path) -> None:
    renew(cluster)
    source = KafkaSource(tmp_path, cluster.bootstrap, DEFAULT_TOPIC)
    async with open_log(cluster) as log:
        await log.append(0, entries(5))
    follower = await source.follow()
    assert await follower.read(0, 0, 10) == logged(entries(5))
    with pytest.raises(PermissionError, match="follows"):
        await follower.append(0, entries(1))
    await follower.close()


async def test_a_topic_that_is_not_there_is_refused(cluster: Cluster) -> None:
    remove(cluster)
    with pytest.raises(TopicMissing, match=r"no topic orders\.events"):
        async with open_log(cluster):
            pass


async def test_a_cluster_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(LogUnavailable, match=r"cannot connect to any broker of 127\.0\.0\.1:1: .*Connection refused"):
        await KafkaLog.open(
            {"bootstrap.servers": "127.0.0.1:1", "reconnect.backoff.max.ms": 100}, timeout_s=SHORT_TIMEOUT_S
        )


async def test_after_an_error_that_ends_the_producer_another_takes_its_place(cluster: Cluster) -> None:
    renew(cluster, partitions=2)
    # Gapless, a record that the broker refuses is such an error.
    async with open_log(cluster, enable_gapless_guarantee=True) as log:
        await log.append(0, entries(1))
        await asyncio.to_thread(_refuse_large_records, cluster, 1)
        with pytest.raises((LogUnavailable, AppendUncertain)):
            await log.append(0, [Entry("order-1", b"x" * 20_000)])
        assert await retry(lambda: log.append(0, entries(2, 1)), LogUnavailable, AppendUncertain) == [1, 2]
        assert await log.read(0, 0, 10) == logged(entries(3))


def _refuse_large_records(cluster: Cluster, partition: int) -> None:
    """Have the broker refuse records of 20 kB; return once it does, as this partition shows."""
    change = ConfigEntry("max.message.bytes", "10000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, ORDER_EVENTS, incremental_configs=[change])
    client = admin(cluster)
    client.incremental_alter_configs([resource])[resource].result()
    large = Foreign(partition, b"any", b"x" * 20_000)
    with suppress(RuntimeError):
        while produce(cluster.bootstrap, ORDER_EVENTS, iter([large])):
            pass


async def test_markers_of_a_foreign_transaction_are_no_records_and_hold_nobody_up(cluster: Cluster) -> None:
    renew(cluster)
    async with open_log(cluster) as log:
        await log.append(0, entries(2))
        await asyncio.to_thread(transact, cluster.bootstrap, ORDER_EVENTS, 0)
        await asyncio.wait_for(log.wait(0, 2), SOON)
        own = [entry.value for entry in entries(2)]
        assert [record.value for record in await log.read(0, 0, 10)] == [*own, b"foreign"]
        await retry(lambda: _reaches(log, 4), LookupError)  # the marker has offset 3
        assert await log.read(0, 3, 10) == []
        assert await log.end(0) == await log.end(0, at_least=4) == 3
        assert [log.skip_gap(0, offset) for offset in (2, 3, 4)] == [2, 4, 4]
        waiting = asyncio.ensure_future(log.wait(0, 3))
        assert await log.append(0, entries(1)) == [4]
        await asyncio.wait_for(waiting, SOON)
        assert [record.offset for record in await log.read(0, 3, 10)] == [4]


async def _reaches(log: KafkaLog, end: int) -> None:
    if await log.end(0) < end:
        raise LookupError
