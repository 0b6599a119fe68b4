"""Which settings of librdkafka are the user's."""

import pytest
from tests.kafka.cluster import Cluster
from tests.kafka.topics import remove, renew

from ordertrail_server.log.kafka.findings import inspect_topic
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.settings import (
    KafkaSettingRefused,
    admin_settings,
    producer_settings,
    reader_settings,
    tail_settings,
)
from ordertrail_server.log.kafka.topic import TopicRefused, create_topic, describe_topic


@pytest.mark.parametrize("kind", [producer_settings, reader_settings, tail_settings, admin_settings])
@pytest.mark.parametrize("name", ["acks", "topic.acks", "enable.idempotence", "partitioner", "isolation.level"])
def test_what_the_promises_rest_on_cannot_be_set(kind: type, name: str) -> None:
    with pytest.raises(KafkaSettingRefused, match=f"{name} cannot be set"):
        kind({"bootstrap.servers": "127.0.0.1:1", name: "1"})


def test_all_else_is_the_users_and_comes_before_what_is_good_for_most() -> None:
    own: dict[str, str | int | float | bool] = {"sasl.username": "shop", "linger.ms": 3}
    assert producer_settings(own).items() >= {"sasl.username": "shop", "linger.ms": 3, "acks": "all"}.items()
    assert reader_settings(own).items() >= {"sasl.username": "shop", "auto.offset.reset": "error"}.items()


async def test_a_setting_that_there_is_none_of_is_refused_by_name() -> None:
    with pytest.raises(KafkaSettingRefused, match=r"no\.such\.setting"):
        await KafkaLog.open({"bootstrap.servers": "127.0.0.1:1", "no.such.setting": "1"})


def test_a_topic_that_was_made_here_is_as_a_log_must_be(cluster: Cluster) -> None:
    renew(cluster, partitions=3)
    topic = describe_topic({"bootstrap.servers": cluster.bootstrap}, "orders.events")
    assert (len(topic.identity), topic.replicas, topic.first_offsets) == (16, (1, 1, 1), (0, 0, 0))
    assert [finding.problem for finding in inspect_topic(topic) if "has one replica" not in finding.problem] == []


@pytest.mark.parametrize(("partitions", "replicas", "why"), [(1, 3, "replication factor"), (0, 1, "partitions")])
def test_a_topic_that_the_cluster_does_not_make_is_refused_with_its_words(
    cluster: Cluster, partitions: int, replicas: int, why: str
) -> None:
    remove(cluster)
    with pytest.raises(TopicRefused, match=rf"orders\.events could not be created: .*{why}"):
        create_topic({"bootstrap.servers": cluster.bootstrap}, partitions=partitions, replicas=replicas)


def test_a_topic_that_is_there_is_not_made_again(cluster: Cluster) -> None:
    renew(cluster)
    with pytest.raises(TopicRefused, match="already exists"):
        create_topic({"bootstrap.servers": cluster.bootstrap}, partitions=1, replicas=1)
