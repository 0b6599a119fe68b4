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
from tests.kafka.topics import delete_topic
from tests.projections.log_builder import CONFIRMED, PLACED, LogBuilder

from ordertrail_server.cli.main import ordertrail
from ordertrail_server.log.kafka.findings import SAFE_SETTINGS
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.topic import TopicMissing, create_topic, describe_topic


class Topics:
    """Runs `ordertrail topics` on the topics of a new log."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.settings = cluster, {"bootstrap.servers": cluster.bootstrap}
        prefix = f"topic-{uuid4().hex}"
        self.name, self.commands = f"{prefix}.events", f"{prefix}.commands"
        self.subscriptions = f"{prefix}.subscriptions"

    def run(self, command: str, *args: str, **environment: str) -> Result:
        variables = {
            "ORDERTRAIL_BOOTSTRAP": self.settings["bootstrap.servers"],
            "ORDERTRAIL_TOPIC": self.name,
            **environment,
        }
        return CliRunner(env=variables).invoke(ordertrail, ["topics", command, *args])

    def create(self, *args: str) -> Result:
        return self.run("create", "--replicas", "1", *args)

    def create_events_only(self, partitions: int) -> None:
        """Create the topic of a release without submitted commands."""
        create_topic(self.settings, self.name, partitions=partitions, replicas=1)

    def set(self, topic: str, name: str, value: str) -> None:
        change = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[change])
        admin = AdminClient({**self.settings})
        admin.incremental_alter_configs([resource])[resource].result()


@pytest.fixture
def topics(cluster: Cluster) -> Topics:
    return Topics(cluster)


def test_created_topics_are_safe_for_a_log(topics: Topics) -> None:
    result = topics.create("--partitions", "2", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    names = (report["topic"], report["commands"]["topic"], report["subscriptions"]["topic"])
    assert names == (topics.name, topics.commands, topics.subscriptions)
    for topic, count in ((report, 2), (report["commands"], 2), (report["subscriptions"], 1)):
        assert (topic["made"], topic["safe"], topic["partitions"], topic["replicas"]) == (True, True, count, 1)
        assert [finding["gravity"] for finding in topic["findings"]] == ["note"]
        assert describe_topic(topics.settings, topic["topic"]).settings.items() >= SAFE_SETTINGS.items()


def test_existing_topics_are_not_created_again_but_can_be_checked(topics: Topics) -> None:
    topics.create("--partitions", "1")
    second = topics.create("--partitions", "1")
    report = (
        f"Error: The topics {topics.name}, {topics.commands} and {topics.subscriptions} already exist. To only check "
        "them, add --if-missing.\n"
    )
    assert (second.exit_code, second.stderr) == (1, report)
    checked = topics.create("--if-missing", "--json")
    assert checked.exit_code == 0
    described = json.loads(checked.stdout)
    companions = described["commands"], described["subscriptions"]
    assert (described["made"], [topic["made"] for topic in companions]) == (False, [False, False])
    mismatch = topics.create("--partitions", "3", "--if-missing")
    assert mismatch.exit_code == 1
    assert mismatch.stderr == f"Error: The topic {topics.name} exists, but its number of partitions is 1 and not 3.\n"


def test_other_topics_are_added_to_a_log_of_an_earlier_release(topics: Topics) -> None:
    topics.create_events_only(partitions=2)
    checked = topics.run("check")
    assert checked.exit_code == 0, checked.output
    *_, problem, remedy, second_problem, _ = checked.stdout.splitlines()
    assert problem.startswith(f"note    The cluster has no topic {topics.commands}")
    assert second_problem.startswith(f"note    The cluster has no topic {topics.subscriptions}")
    assert remedy.endswith("Create it with `ordertrail topics create`.")
    mismatch = topics.create("--partitions", "3")
    assert (mismatch.exit_code, "is 2 and not 3" in mismatch.stderr) == (1, True)
    added = topics.run("create")
    assert added.exit_code == 0, added.output
    assert f"The topic {topics.name} already exists.\n" in added.stdout
    assert f"Created the topic {topics.commands}.\n" in added.stdout
    assert f"Created the topic {topics.subscriptions}.\n" in added.stdout
    assert len(describe_topic(topics.settings, topics.commands).replicas) == 2
    report = json.loads(topics.run("check", "--json").stdout)
    assert (report["safe"], report["commands"]["safe"], report["commands"]["partitions"]) == (True, True, 2)
    assert (report["subscriptions"]["safe"], report["subscriptions"]["partitions"]) == (True, 1)


def test_commands_topic_of_a_deleted_log_is_not_given_to_a_new_log(topics: Topics) -> None:
    topics.create("--partitions", "1")
    delete_topic(topics.cluster, topics.name)
    refused = topics.create("--partitions", "1")
    assert refused.exit_code == 1
    assert f"The topic {topics.commands} exists without {topics.name}" in refused.stderr
    deleted = topics.run("delete", "--yes")
    report = (
        f"Deleted the topic {topics.commands}, which held 0 records.\n"
        f"Deleted the topic {topics.subscriptions}, which held 0 records.\n"
    )
    assert (deleted.exit_code, deleted.stdout) == (0, report)
    assert topics.create("--partitions", "1").exit_code == 0


def test_subscriptions_topic_of_a_deleted_log_is_not_given_to_a_new_log(topics: Topics) -> None:
    create_topic(topics.settings, topics.subscriptions, partitions=1, replicas=1)
    refused = topics.create("--partitions", "1")
    assert (refused.exit_code, f"{topics.subscriptions} exists without {topics.name}" in refused.stderr) == (1, True)


def test_subscriptions_topic_with_several_partitions_is_unsafe(topics: Topics) -> None:
    topics.create_events_only(partitions=2)
    create_topic(topics.settings, topics.subscriptions, partitions=2, replicas=1)
    unsafe = topics.run("check")
    assert (unsafe.exit_code, "its messages must have one order" in unsafe.stdout) == (1, True)


def test_commands_topic_can_have_another_name(topics: Topics) -> None:
    name = f"{topics.name}.submitted"
    created = topics.create("--commands-topic", name, "--partitions", "1", "--json")
    assert json.loads(created.stdout)["commands"]["topic"] == name
    refusal = topics.create("--commands-topic", topics.name)
    assert (refusal.exit_code, "Submitted commands need another topic" in refusal.stderr) == (2, True)
    refusal = topics.create("--subscriptions-topic", topics.commands)
    assert (refusal.exit_code, "Subscriptions need a topic of their own" in refusal.stderr) == (2, True)


def test_more_replicas_than_brokers_are_refused_with_remedy(topics: Topics) -> None:
    result = topics.run("create")
    assert result.exit_code == 1
    assert "--replicas 1 is enough for development" in result.stderr


def test_unsafe_topic_is_reported_with_remedy_and_exit_code_1(topics: Topics) -> None:
    topics.create()
    topics.set(topics.name, "retention.ms", "604800000")
    unsafe = topics.run("check")
    assert unsafe.exit_code == 1
    problem, remedy, note, _, verdict, *_ = unsafe.stdout.splitlines()
    assert problem.startswith(f"unsafe  The topic {topics.name} has retention.ms=604800000: Kafka removes records")
    assert remedy.split() == ["Set", "retention.ms=-1", "on", "the", "topic."]
    assert note.startswith("note    ")
    assert verdict == f"The topic {topics.name} (partitions: 3, replicas: 1) is unsafe: no server starts on it."
    machines = topics.run("check", "--json")
    assert (machines.exit_code, json.loads(machines.stdout)["safe"]) == (1, False)
    topics.set(topics.name, "retention.ms", "-1")
    repaired = topics.run("check")
    assert (repaired.exit_code, repaired.stdout.splitlines()[-1].endswith("is safe: it can hold a log.")) == (0, True)


def test_unsafe_commands_topic_has_exit_code_1(topics: Topics) -> None:
    topics.create()
    topics.set(topics.commands, "cleanup.policy", "compact")
    unsafe = topics.run("check")
    assert unsafe.exit_code == 1
    assert f"The topic {topics.commands} (partitions: 3, replicas: 1) is unsafe: no server starts" in unsafe.stdout
    machines = json.loads(topics.run("check", "--json").stdout)
    assert (machines["safe"], machines["commands"]["safe"]) == (True, False)


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
    assert f"The topic {topics.commands} holds 0 submitted commands." in unconfirmed.stderr
    assert describe_topic(topics.settings, topics.name).name == topics.name
    deleted = topics.run("delete", "--yes", "--json")
    assert deleted.exit_code == 0, deleted.output
    assert json.loads(deleted.stdout) == {
        "topic": topics.name,
        "deleted": True,
        "records": 2,
        "commands": {"topic": topics.commands, "deleted": True, "records": 0},
        "subscriptions": {"topic": topics.subscriptions, "deleted": True, "records": 0},
    }
    for name in (topics.name, topics.commands, topics.subscriptions):
        with pytest.raises(TopicMissing):
            describe_topic(topics.settings, name)


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
