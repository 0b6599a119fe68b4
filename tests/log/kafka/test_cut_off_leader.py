"""A leader that is cut off from the other brokers alone is replaced, and goes on to answer servers as if it led."""

import asyncio
from pathlib import Path

import pytest
from tests.kafka.cluster import Setup, running
from tests.kafka.topics import leader_node
from tests.log.contract import SOON, entries, logged
from tests.log.kafka.open_log import open_log, retry

from ordertrail_server.log.kafka.topic import ORDER_EVENTS, create_topic
from ordertrail_server.log.port import AppendUncertain, LogUnavailable


@pytest.mark.usefixtures("kafka")
async def test_while_it_is_nobody_takes_facts_for_lost_or_stands_still(tmp_path: Path) -> None:
    with running(tmp_path / "kafka", 3, setup=Setup(separable=True)) as cluster:
        create_topic({"bootstrap.servers": cluster.bootstrap}, ORDER_EVENTS, partitions=1, replicas=3)
        async with (
            open_log(cluster) as asking,
            open_log(cluster) as reading,
            open_log(cluster, message_timeout_ms=1_000) as log,
        ):
            await retry(lambda: log.append(0, entries(1)), AppendUncertain, LogUnavailable)
            begin = await log.end(0)
            assert await asking.end(0) == await reading.end(0) == begin
            waiting = asyncio.ensure_future(reading.wait(0, begin))
            await asyncio.sleep(0)
            cluster.cut_off(leader_node(cluster, ORDER_EVENTS))
            [offset] = await retry(lambda: log.append(0, entries(1, 1)), AppendUncertain, LogUnavailable)
            assert await retry(lambda: asking.end(0, offset + 1), LogUnavailable) == offset + 1
            await asyncio.wait_for(waiting, 3 * SOON)
            found = await retry(lambda: reading.read(0, offset, 1), LogUnavailable)
            assert found == logged(entries(1, 1), offset)
