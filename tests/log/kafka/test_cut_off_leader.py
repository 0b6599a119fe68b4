"""A leader that only the other brokers cannot reach is replaced, but still answers servers as if it were the leader."""

import asyncio
from pathlib import Path

import pytest
from tests.kafka.cluster import Setup, run_cluster
from tests.kafka.topics import find_leader
from tests.log.contract import SOON, build_entries, build_logged_records
from tests.log.kafka.open_log import open_log, retry

from ordertrail_server.log.kafka.topic import create_topic
from ordertrail_server.log.port import AppendUncertain, LogUnavailable
from ordertrail_server.log.topic_name import ORDER_EVENTS


@pytest.mark.usefixtures("kafka")
@pytest.mark.trial
async def test_servers_find_the_new_leader_and_its_records(tmp_path: Path) -> None:
    with run_cluster(tmp_path / "kafka", 3, setup=Setup(separable=True)) as cluster:
        create_topic({"bootstrap.servers": cluster.bootstrap}, ORDER_EVENTS, partitions=1, replicas=3)
        async with (
            open_log(cluster) as querying_log,
            open_log(cluster) as reading_log,
            open_log(cluster, message_timeout_ms=1_000) as log,
        ):
            await retry(lambda: log.append(0, build_entries(1)), AppendUncertain, LogUnavailable)
            begin = await log.end(0)
            assert await querying_log.end(0) == await reading_log.end(0) == begin
            wait_task = asyncio.ensure_future(reading_log.wait(0, begin))
            await asyncio.sleep(0)
            cluster.cut_off(find_leader(cluster, ORDER_EVENTS))
            [offset] = await retry(lambda: log.append(0, build_entries(1, 1)), AppendUncertain, LogUnavailable)
            assert await retry(lambda: querying_log.end(0, offset + 1), LogUnavailable) == offset + 1
            await asyncio.wait_for(wait_task, 3 * SOON)
            records = await retry(lambda: reading_log.read(0, offset, 1), LogUnavailable)
            assert records == build_logged_records(build_entries(1, 1), offset)
