"""The log and the service on a broker of the last release before Kafka 4."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.e2e.kafka.servers import create_server, run_servers
from tests.e2e.running_server import wait_until_serving
from tests.kafka.cluster import Cluster
from tests.kafka.topics import recreate_topic, truncate_partition
from tests.log.contract import SOON, LogContract, build_entries

from ordertrail.client import connect, line
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.port import LogDamaged
from ordertrail_server.log.topic_name import ORDER_EVENTS


class TestKafkaLogOnOlderBroker(LogContract):
    @pytest.fixture(params=[3])
    async def log(self, request: pytest.FixtureRequest, older_cluster: Cluster) -> AsyncIterator[KafkaLog]:
        recreate_topic(older_cluster, partitions=request.param)
        log = await KafkaLog.open({"bootstrap.servers": older_cluster.bootstrap})
        yield log
        await log.close()


async def test_idle_log_reports_that_its_beginning_was_removed(older_cluster: Cluster) -> None:
    recreate_topic(older_cluster)
    log = await KafkaLog.open({"bootstrap.servers": older_cluster.bootstrap})
    await log.append(0, build_entries(10))
    await asyncio.to_thread(truncate_partition, older_cluster, ORDER_EVENTS, 0, 4)
    with pytest.raises(LogDamaged, match="partition 0 begins at offset 4"):
        await asyncio.wait_for(log.raise_on_loss(), SOON)
    await log.close()


async def test_two_servers_share_orders_on_an_older_broker(older_cluster: Cluster, tmp_path: Path) -> None:
    recreate_topic(older_cluster, partitions=3)
    roles = "command,projector,query"
    servers = [create_server(older_cluster, ORDER_EVENTS, tmp_path / name, roles) for name in ("server-1", "server-2")]
    with run_servers(*servers):
        await wait_until_serving(servers[0].address)
        async with connect(servers[0].address) as ours, connect(servers[1].address) as theirs:
            placed = await ours.place("shop-1", [line("p_1", 3, "5.20", "EUR")])
            confirmed = await theirs.confirm(placed.order_id, expected_version=1)
            order = await ours.get(placed.order_id, at_least_as_fresh=[confirmed.consistency_token])
            assert order.version == 2
