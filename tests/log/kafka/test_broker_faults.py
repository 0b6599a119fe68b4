"""Faults of a Kafka log: brokers are killed, frozen and restarted, and topics are modified from outside."""

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
from tests.kafka.foreign_records import Foreign, produce, produce_transaction
from tests.kafka.topics import add_partition, delete_topic, recreate_topic, truncate_partition
from tests.log.contract import SOON, build_entries, build_logged_records
from tests.log.kafka.open_log import SHORT_TIMEOUT_S, open_log, retry

from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.topic import TopicMissing, TopicRefused
from ordertrail_server.log.port import AppendUncertain, Entry, LogDamaged, LogUnavailable
from ordertrail_server.log.source import KafkaSource
from ordertrail_server.log.topic_name import ORDER_EVENTS


def create_admin(cluster: Cluster) -> AdminClient:
    return AdminClient({"bootstrap.servers": cluster.bootstrap})


def restart(cluster: Cluster) -> None:
    cluster.nodes[0].start()
    cluster.await_ready()


async def append_first(log: KafkaLog) -> int:
    """Append a record, and return the partition's end. Records of uncertain attempts may be on the log as well."""
    await retry(lambda: log.append(0, build_entries(1)), LogUnavailable, AppendUncertain)
    end: int = await retry(lambda: log.end(0), LogUnavailable)
    return end


async def append_until_stopped(log: KafkaLog, receipts: dict[int, bytes], stop: asyncio.Event) -> None:
    """Append batches, and store the offset of each acknowledged value. Uncertain appends are not retried."""
    number = 0
    while not stop.is_set():
        batch = build_entries(3, number)
        number += 3
        try:
            offsets = await log.append(0, batch)
        except (AppendUncertain, LogUnavailable):
            continue
        receipts.update(zip(offsets, [value for _, value in batch], strict=True))


async def test_receipts_match_the_log_after_a_broker_restart_during_appends(
    cluster: Cluster,
) -> None:
    recreate_topic(cluster)
    async with open_log(cluster, message_timeout_ms=1_000) as log:
        receipts: dict[int, bytes] = {}
        stop = asyncio.Event()
        append_task = asyncio.create_task(append_until_stopped(log, receipts, stop))
        await _wait_for_receipts(receipts)
        cluster.nodes[0].kill()
        await asyncio.to_thread(restart, cluster)
        await _wait_for_receipts(receipts)
        stop.set()
        await append_task
        end = await log.end(0)
        stored_values = {record.offset: record.value for record in await log.read(0, 0, end)}
        assert len(stored_values) == end
        assert {offset: stored_values[offset] for offset in receipts} == receipts


async def _wait_for_receipts(receipts: dict[int, bytes]) -> None:
    target = len(receipts) + 300
    async with asyncio.timeout(3 * SOON):
        while len(receipts) < target:  # noqa: ASYNC110 (appends run meanwhile)
            await asyncio.sleep(0.01)


async def test_append_to_a_frozen_broker_is_uncertain_and_lands_after_the_thaw(
    cluster: Cluster,
) -> None:
    recreate_topic(cluster)
    async with open_log(cluster, message_timeout_ms=1_500) as log:
        begin = await append_first(log)
        cluster.nodes[0].freeze()
        try:
            with pytest.raises(AppendUncertain, match="may be on the log, or appear there later"):
                await log.append(0, build_entries(2, 3))
            with pytest.raises(LogUnavailable, match="nothing was appended, no broker answers"):
                await log.append(0, build_entries(1))
        finally:
            cluster.nodes[0].thaw()
        await retry(lambda: log.wait(0, begin + 1), LogUnavailable)
        [offset] = await retry(lambda: log.append(0, build_entries(1, 5)), LogUnavailable, AppendUncertain)
        records = await retry(lambda: log.read(0, begin, 100), LogUnavailable)
        late, retried = (
            build_logged_records(build_entries(2, 3), begin),
            build_logged_records(build_entries(1, 5), offset),
        )
        assert (records[:2], records[-1:]) == (late, retried)
        assert {record.value for record in records[2:]} == {retried[0].value}


async def test_calls_fail_without_a_broker_and_succeed_after_its_restart(cluster: Cluster) -> None:
    recreate_topic(cluster)
    async with open_log(cluster, SHORT_TIMEOUT_S, message_timeout_ms=1_000) as log:
        begin = await append_first(log)
        before = await retry(lambda: log.read(0, 0, 100), LogUnavailable)
        cluster.nodes[0].kill()
        with pytest.raises((AppendUncertain, LogUnavailable)):
            await log.append(0, build_entries(1))
        with pytest.raises(LogUnavailable):
            await log.end(0)
        with pytest.raises(LogUnavailable, match="nothing was appended, no broker answers"):
            await log.append(0, build_entries(1))
        with pytest.raises(LogUnavailable):
            await log.wait(0, begin)
        await asyncio.to_thread(restart, cluster)
        assert await retry(lambda: log.read(0, 0, begin), LogUnavailable) == before
        await retry(lambda: log.append(0, build_entries(2, 3)), LogUnavailable, AppendUncertain)
        await retry(lambda: log.wait(0, begin + 1), LogUnavailable)


async def test_open_log_fails_after_its_topic_is_created_again(cluster: Cluster) -> None:
    recreate_topic(cluster)
    async with open_log(cluster) as log:
        await log.append(0, build_entries(10))
        wait_task = asyncio.ensure_future(log.wait(0, 10))
        await asyncio.to_thread(recreate_topic, cluster)
        with pytest.raises(LogDamaged, match=r"created again|was deleted"):
            await asyncio.wait_for(wait_task, 2 * SOON)
        with pytest.raises(LogDamaged, match=r"created again|was deleted"):
            await log.append(0, build_entries(1))
        with pytest.raises(LogDamaged, match=r"created again|was deleted"):
            await log.read(0, 0, 1)


async def test_open_log_fails_after_its_topic_is_deleted(cluster: Cluster) -> None:
    recreate_topic(cluster)
    async with open_log(cluster) as log:
        await log.append(0, build_entries(10))
        await asyncio.to_thread(delete_topic, cluster)
        with pytest.raises(LogDamaged, match="was deleted"):
            await retry(lambda: _require_error(log.end(0)), LogUnavailable, LookupError)


async def test_idle_log_reports_that_its_topic_was_deleted(cluster: Cluster) -> None:
    recreate_topic(cluster)
    async with open_log(cluster) as log:
        await asyncio.to_thread(delete_topic, cluster)
        with pytest.raises(LogDamaged, match="was deleted"):
            await asyncio.wait_for(log.raise_on_loss(), SOON)


async def test_idle_log_reports_that_its_beginning_was_removed(cluster: Cluster) -> None:
    recreate_topic(cluster, partitions=3)
    async with open_log(cluster) as log:
        await log.append(1, build_entries(10))
        wait_task = asyncio.ensure_future(log.wait(1, 10))
        await asyncio.to_thread(truncate_partition, cluster, ORDER_EVENTS, 1, 4)
        with pytest.raises(LogDamaged, match="lost its beginning: partition 1 begins at offset 4"):
            await asyncio.wait_for(log.raise_on_loss(), SOON)
        with pytest.raises(LogDamaged, match="lost its beginning: partition 1 begins at offset 4"):
            await wait_task


async def _require_error(call: Awaitable[object]) -> None:
    await call
    raise LookupError


async def test_open_log_fails_after_partitions_are_added(cluster: Cluster) -> None:
    recreate_topic(cluster, partitions=2)
    async with open_log(cluster) as log:
        add_partition(cluster, ORDER_EVENTS, 2)
        with pytest.raises(LogDamaged, match="has 3 partitions, and had 2"):
            await asyncio.wait_for(log.wait(0, 0), SOON)


async def test_log_without_its_beginning_is_damaged_and_not_opened_again(cluster: Cluster) -> None:
    recreate_topic(cluster)
    async with open_log(cluster) as log:
        await log.append(0, build_entries(10))
        truncate_partition(cluster, ORDER_EVENTS, 0, 4)
        with pytest.raises(LogDamaged, match="lost its beginning"):
            await log.read(0, 0, 3)
        with pytest.raises(LogDamaged, match="begins at offset 4"):
            await log.end(0)
    with pytest.raises(TopicRefused, match=r"Partition 0 of the topic orders\.events begins at offset 4"):
        async with open_log(cluster):
            pass


async def test_follower_of_a_topic_reads_its_records_and_cannot_append(cluster: Cluster, tmp_path: Path) -> None:
    recreate_topic(cluster)
    source = KafkaSource(tmp_path, cluster.bootstrap, ORDER_EVENTS)
    async with open_log(cluster) as log:
        await log.append(0, build_entries(5))
    follower = await source.follow()
    assert await follower.read(0, 0, 10) == build_logged_records(build_entries(5))
    with pytest.raises(PermissionError, match="follows"):
        await follower.append(0, build_entries(1))
    await follower.close()


async def test_missing_topic_is_refused(cluster: Cluster) -> None:
    delete_topic(cluster)
    with pytest.raises(TopicMissing, match=r"no topic orders\.events"):
        async with open_log(cluster):
            pass


async def test_unreachable_cluster_is_unavailable() -> None:
    with pytest.raises(LogUnavailable, match=r"cannot connect to any broker of 127\.0\.0\.1:1: .*Connection refused"):
        await KafkaLog.open(
            {"bootstrap.servers": "127.0.0.1:1", "reconnect.backoff.max.ms": 100}, timeout_s=SHORT_TIMEOUT_S
        )


async def test_producer_is_replaced_after_a_fatal_error(cluster: Cluster) -> None:
    recreate_topic(cluster, partitions=2)
    # With this setting, a record that the broker refuses is a fatal error.
    async with open_log(cluster, enable_gapless_guarantee=True) as log:
        await log.append(0, build_entries(1))
        await asyncio.to_thread(_refuse_large_records, cluster, 1)
        with pytest.raises((LogUnavailable, AppendUncertain)):
            await log.append(0, [Entry("order-1", b"x" * 20_000)])
        assert await retry(lambda: log.append(0, build_entries(2, 1)), LogUnavailable, AppendUncertain) == [1, 2]
        assert await log.read(0, 0, 10) == build_logged_records(build_entries(3))


def _refuse_large_records(cluster: Cluster, partition: int) -> None:
    """Make the broker refuse records of 20 kB. Return once this partition refuses one."""
    change = ConfigEntry("max.message.bytes", "10000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, ORDER_EVENTS, incremental_configs=[change])
    client = create_admin(cluster)
    client.incremental_alter_configs([resource])[resource].result()
    large = Foreign(partition, b"any", b"x" * 20_000)
    with suppress(RuntimeError):
        while produce(cluster.bootstrap, ORDER_EVENTS, iter([large])):
            pass


async def test_transaction_markers_are_skipped_and_block_no_call(cluster: Cluster) -> None:
    recreate_topic(cluster)
    async with open_log(cluster) as log:
        await log.append(0, build_entries(2))
        await asyncio.to_thread(produce_transaction, cluster.bootstrap, ORDER_EVENTS, 0)
        await asyncio.wait_for(log.wait(0, 2), SOON)
        own_values = [entry.value for entry in build_entries(2)]
        assert [record.value for record in await log.read(0, 0, 10)] == [*own_values, b"foreign"]
        await retry(lambda: _require_end(log, 4), LookupError)  # the marker has offset 3
        assert await log.read(0, 3, 10) == []
        assert await log.end(0) == await log.end(0, at_least=4) == 3
        assert [log.skip_gap(0, offset) for offset in (2, 3, 4)] == [2, 4, 4]
        wait_task = asyncio.ensure_future(log.wait(0, 3))
        assert await log.append(0, build_entries(1)) == [4]
        await asyncio.wait_for(wait_task, SOON)
        assert [record.offset for record in await log.read(0, 3, 10)] == [4]


async def _require_end(log: KafkaLog, end: int) -> None:
    if await log.end(0) < end:
        raise LookupError
