"""The contract of logs, for the Kafka adapter on a real broker."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tests.kafka.cluster import Cluster
from tests.kafka.topics import recreate_topic
from tests.log.contract import Durability, LogContract, ManyPartitions

from ordertrail_server.log.kafka.log import KafkaLog


class OnTopic:
    @pytest.fixture
    async def log(self, request: pytest.FixtureRequest, cluster: Cluster) -> AsyncIterator[KafkaLog]:
        recreate_topic(cluster, partitions=request.param)
        log = await KafkaLog.open({"bootstrap.servers": cluster.bootstrap})
        yield log
        await log.close()

    @pytest.fixture
    async def reopen(self, log: KafkaLog, cluster: Cluster) -> AsyncIterator[Callable[[], Awaitable[KafkaLog]]]:
        logs = [log]

        async def reopen() -> KafkaLog:
            await logs[-1].close()
            logs.append(await KafkaLog.open({"bootstrap.servers": cluster.bootstrap}))
            return logs[-1]

        yield reopen
        await logs[-1].close()


@pytest.mark.parametrize("log", [1, 3], indirect=True)
class TestKafkaLog(OnTopic, LogContract, Durability):
    pass


@pytest.mark.parametrize("log", [12], indirect=True)
class TestKafkaLogOfManyPartitions(OnTopic, ManyPartitions, Durability):
    pass
