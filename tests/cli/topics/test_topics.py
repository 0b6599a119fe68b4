"""`ordertrail topics` against a real broker."""

import asyncio
import json
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package marks no exports
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)
from tests.kafka.cluster import Cluster
from tests.projections.log_builder import CONFIRMED, PLACED, LogBuilder

from ordertrail_server.cli.main import ordertrail
from ordertrail_server.log.kafka.findings import SAFE_SETTINGS
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.topic import TopicMissing, describe_topic


class Topics:
    """Runs `ordertrail topics` on a new topic."""

    def __init__(self, cluster: Cluster) -> None:
        self.settings = {"bootstrap.servers": cluster.bootstrap}
        self.name = f"topic-{uuid4().hex}"

    def run(self, command: str, *args: str, **environment: str) -> Result:
        variables = {
            "ORDERTRAIL_BOOTSTRAP": self.settings["bootstrap.servers"],
            "ORDERTRAIL_TOPIC": self.name,
            **environment,
        }
        return CliRunner(env=variables).invoke(ordertrail, ["topics", command, *args])

    def create(self, *args: str) -> Result:
        return self.run("create", "--replicas", "1", *args)

    def set(self, name: str, value: str) -> None:
        change = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, self.name, incremental_configs=[change])
        admin = AdminClient({**self.settings})
        admin.incremental_alter_configs([resource])[resource].result()


@pytest.fixture
def topics(cluster: Cluster) -> Topics:
    return Topics(cluster)


def test_created_topic_is_safe_for_a_log(topics: Topics) -> None:
    result = topics.create("--partitions", "2", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["made"], report["safe"], report["partitions"], report["replicas"]) == (True, True, 2, 1)
    assert [finding["gravity"] for finding in report["findings"]] == ["note"]
    assert describe_topic(topics.settings, topics.name).settings.items() >= SAFE_SETTINGS.items()


def test_existing_topic_is_not_created_again_but_can_be_checked(topics: Topics) -> None:
    topics.create("--partitions", "1")
    second = topics.create("--partitions", "1")
    assert (second.exit_code, "already exists" in second.stderr) == (1, True)
    checked = topics.create("--partitions", "1", "--if-missing", "--json")
    assert (checked.exit_code, json.loads(checked.stdout)["made"]) == (0, False)
    mismatch = topics.create("--partitions", "3", "--if-missing")
    assert mismatch.exit_code == 1
    assert mismatch.stderr == f"Error: The topic {topics.name} exists, but its number of partitions is 1 and not 3.\n"


def test_more_replicas_than_brokers_are_refused_with_remedy(topics: Topics) -> None:
    result = topics.run("create")
    assert result.exit_code == 1
    assert "--replicas 1 is enough for development" in result.stderr


def test_unsafe_topic_is_reported_with_remedy_and_exit_code_1(topics: Topics) -> None:
    topics.create()
    topics.set("retention.ms", "604800000")
    unsafe = topics.run("check")
    assert unsafe.exit_code == 1
    problem, remedy, note, *_, verdict = unsafe.stdout.splitlines()
    assert problem.startswith(f"unsafe  The topic {topics.name} has retention.ms=604800000: Kafka removes records")
    assert remedy.split() == ["Set", "retention.ms=-1", "on", "the", "topic."]
    assert note.startswith("note    ")
    assert verdict == f"The topic {topics.name} (partitions: 3, replicas: 1) is unsafe: no server starts on it."
    machines = topics.run("check", "--json")
    assert (machines.exit_code, json.loads(machines.stdout)["safe"]) == (1, False)
    topics.set("retention.ms", "-1")
    repaired = topics.run("check")
    assert (repaired.exit_code, repaired.stdout.splitlines()[-1].endswith("is safe: it can hold a log.")) == (0, True)


def test_missing_topic_is_reported_with_the_command_to_create_it(topics: Topics) -> None:
    missing = topics.run("check")
    assert missing.exit_code == 1
    report = f"Error: The cluster has no topic {topics.name}. Create it with `ordertrail topics create`.\n"
    assert missing.stderr == report


def test_delete_without_yes_only_reports_the_loss(topics: Topics) -> None:
    topics.create("--partitions", "1")
    asyncio.run(_write(topics))
    unconfirmed = topics.run("delete")
    assert unconfirmed.exit_code == 1
    assert f"Nothing was deleted. The topic {topics.name} (partitions: 1) holds 2 records." in unconfirmed.stderr
    assert describe_topic(topics.settings, topics.name).name == topics.name
    deleted = topics.run("delete", "--yes", "--json")
    assert deleted.exit_code == 0, deleted.output
    assert json.loads(deleted.stdout) == {"topic": topics.name, "deleted": True, "records": 2}
    with pytest.raises(TopicMissing):
        describe_topic(topics.settings, topics.name)


def test_environment_sets_librdkafka_except_protected_settings(topics: Topics) -> None:
    result = topics.run("check", ORDERTRAIL_KAFKA_ACKS="1")
    assert result.exit_code == 1
    assert result.stderr == "Error: acks cannot be set, because guarantees of Ordertrail depend on it.\n"
    unknown = topics.run("check", ORDERTRAIL_KAFKA_NO_SUCH="1")
    assert (unknown.exit_code, "no.such" in unknown.stderr) == (1, True)


async def _write(topics: Topics) -> None:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_fact("order-1", CONFIRMED)
    log = await KafkaLog.open(topics.settings, topics.name)
    await log.append(0, builder.records[0])
    await log.close()
