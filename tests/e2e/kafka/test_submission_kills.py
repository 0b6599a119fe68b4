"""Two servers that decide the submitted commands of one topic are killed at random moments."""

from pathlib import Path

import pytest
from tests.e2e.kafka.servers import create_empty_topic, create_server, run_servers
from tests.e2e.logs import PARTITIONS
from tests.e2e.reference_fold import fold_log
from tests.e2e.submission_load import assert_nothing_is_lost, run_rounds
from tests.kafka.cluster import Cluster
from tests.trials import choose_size

from ordertrail_server.log.kafka.log import KafkaLog

ROUNDS = choose_size(2, 8, 500)


@pytest.mark.sampled
@pytest.mark.timeout(120 + 20 * ROUNDS)
async def test_submissions_to_two_servers_survive_every_kill(cluster: Cluster, tmp_path: Path) -> None:
    topic = create_empty_topic(cluster, "submission.kills", PARTITIONS)
    create_empty_topic(cluster, f"{topic}.commands", PARTITIONS)
    with run_servers(*(create_server(cluster, topic, tmp_path / name) for name in ("first", "second"))) as servers:
        observations = await run_rounds(servers, ROUNDS)
    log = await KafkaLog.open({"bootstrap.servers": cluster.bootstrap}, topic)
    assert_nothing_is_lost(observations, await fold_log(log))
