"""`ordertrail doctor` on real Kafka topics."""

import asyncio
from pathlib import Path
from uuid import uuid4

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package marks no exports
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)
from tests.cli.doctor.doctor_run import DoctorRun, run_doctor
from tests.kafka.cluster import Cluster
from tests.projections.log_builder import CONFIRMED, PLACED, LogBuilder

from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.topic import create_topic


def create_topics(cluster: Cluster) -> str:
    name = f"topic-{uuid4().hex}"
    for suffix in ("events", "commands", "subscriptions"):
        create_topic({"bootstrap.servers": cluster.bootstrap}, f"{name}.{suffix}", partitions=1, replicas=1)
    return f"{name}.events"


def set_retention(cluster: Cluster, topic: str) -> None:
    change = ConfigEntry("retention.ms", "1000000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[change])
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.incremental_alter_configs([resource])[resource].result()


def examine(cluster: Cluster, topic: str, data: Path) -> DoctorRun:
    data.mkdir(mode=0o750, exist_ok=True)
    return run_doctor(data, "--log", "kafka", "--bootstrap", cluster.bootstrap, "--topic", topic)


async def append_facts(cluster: Cluster, topic: str) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_fact("order-1", CONFIRMED)
    log = await KafkaLog.open({"bootstrap.servers": cluster.bootstrap}, topic)
    await log.append(0, builder.records[0])
    await log.close()


def test_topics_with_one_replica_are_only_warned_of(cluster: Cluster, tmp_path: Path) -> None:
    topic = create_topics(cluster)
    asyncio.run(append_facts(cluster, topic))
    run = examine(cluster, topic, tmp_path / "data")
    assert run.exit_code == 0
    assert run.faults() == [("topics", "warning")] * 3
    assert "No record is in the future" in run.text("clock")


def test_topic_with_retention_is_an_error(cluster: Cluster, tmp_path: Path) -> None:
    topic = create_topics(cluster)
    set_retention(cluster, topic)
    run = examine(cluster, topic, tmp_path / "data")
    assert run.exit_code == 1
    assert ("topics", "error") in run.faults()
    assert "retention.ms=1000000" in run.text("topics")


def test_missing_topic_is_an_error(cluster: Cluster, tmp_path: Path) -> None:
    run = examine(cluster, f"topic-{uuid4().hex}.events", tmp_path / "data")
    assert (run.exit_code, run.faults()) == (1, [("topics", "error")])
