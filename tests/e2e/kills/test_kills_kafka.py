"""Random processes are killed under load beside a topic: two servers, their projectors and two consumers."""

from pathlib import Path

import pytest
from tests.e2e.kafka.servers import create_empty_topic, run_servers
from tests.e2e.kafka.subscribers import create_subscription_server, create_topics
from tests.e2e.kills.rounds import SECONDS, WEBHOOK_SETTINGS, run_rounds
from tests.e2e.logs import PARTITIONS
from tests.e2e.reference_fold import fold_log
from tests.kafka.cluster import Cluster

from ordertrail_server.log.kafka.log import KafkaLog


@pytest.mark.sampled
@pytest.mark.timeout(400 + SECONDS)
async def test_promises_hold_after_every_kill(cluster: Cluster, tmp_path: Path) -> None:
    topic = create_topics(cluster, "kills", PARTITIONS)
    create_empty_topic(cluster, "kills.commands", PARTITIONS)
    data = (tmp_path / "first", tmp_path / "second")
    with run_servers(
        *(create_subscription_server(cluster, topic, path, **WEBHOOK_SETTINGS) for path in data)
    ) as servers:
        run = await run_rounds(servers, tmp_path)
        assert [server.faults for server in servers] == [[], []]
    log = await KafkaLog.open({"bootstrap.servers": cluster.bootstrap}, topic)
    run.assert_promises(await fold_log(log))
