"""Settings of librdkafka that users may set, and topics that are created with safe settings."""

from collections.abc import Callable

import pytest
from tests.kafka.cluster import Cluster
from tests.kafka.topics import delete_topic, recreate_topic

from ordertrail_server.log.kafka.findings import inspect_topic
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.settings import (
    KafkaSettingRefused,
    Settings,
    admin_settings,
    producer_settings,
    reader_settings,
    tail_settings,
)
from ordertrail_server.log.kafka.topic import TopicRefused, create_topic, describe_topic


@pytest.mark.parametrize("create_settings", [producer_settings, reader_settings, tail_settings, admin_settings])
@pytest.mark.parametrize("name", ["acks", "topic.acks", "enable.idempotence", "partitioner", "isolation.level"])
def test_settings_that_guarantees_need_cannot_be_set(create_settings: Callable[[Settings], object], name: str) -> None:
    with pytest.raises(KafkaSettingRefused, match=f"{name} cannot be set"):
        create_settings({"bootstrap.servers": "127.0.0.1:1", name: "1"})


def test_user_settings_override_defaults() -> None:
    user_settings: dict[str, str | int | float | bool] = {"sasl.username": "shop", "linger.ms": 3}
    assert producer_settings(user_settings).items() >= {"sasl.username": "shop", "linger.ms": 3, "acks": "all"}.items()
    assert reader_settings(user_settings).items() >= {"sasl.username": "shop", "auto.offset.reset": "error"}.items()


async def test_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(KafkaSettingRefused, match=r"no\.such\.setting"):
        await KafkaLog.open({"bootstrap.servers": "127.0.0.1:1", "no.such.setting": "1"})


def test_created_topic_is_safe(cluster: Cluster) -> None:
    recreate_topic(cluster, partitions=3)
    topic = describe_topic({"bootstrap.servers": cluster.bootstrap}, "orders.events")
    assert (len(topic.identity), topic.replicas, topic.first_offsets) == (16, (1, 1, 1), (0, 0, 0))
    assert [finding.problem for finding in inspect_topic(topic) if "has one replica" not in finding.problem] == []


@pytest.mark.parametrize(("partitions", "replicas", "reason"), [(1, 3, "replication factor"), (0, 1, "partitions")])
def test_refusal_to_create_a_topic_quotes_the_cluster(
    cluster: Cluster, partitions: int, replicas: int, reason: str
) -> None:
    delete_topic(cluster)
    with pytest.raises(TopicRefused, match=rf"orders\.events could not be created: .*{reason}"):
        create_topic({"bootstrap.servers": cluster.bootstrap}, partitions=partitions, replicas=replicas)


def test_existing_topic_is_not_created_again(cluster: Cluster) -> None:
    recreate_topic(cluster)
    with pytest.raises(TopicRefused, match="already exists"):
        create_topic({"bootstrap.servers": cluster.bootstrap}, partitions=1, replicas=1)
