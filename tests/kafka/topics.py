"""Topics as tests need them: empty, and under the one name that a log has."""

from contextlib import suppress
from time import sleep

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]  # the package marks no exports
from tests.kafka.cluster import Cluster
from tests.kafka.node import Node

from ordertrail_server.log.deadline import Deadline
from ordertrail_server.log.kafka.topic import ORDER_EVENTS, TopicMissing, TopicRefused, create_topic, query_topic_state
from ordertrail_server.log.port import LogUnavailable

SOON, READY = 60.0, 240.0


def remove(cluster: Cluster, name: str = ORDER_EVENTS) -> None:
    """Delete the topic, if there is one, and return when it is gone."""
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    with suppress(KafkaException):
        admin.delete_topics([name], operation_timeout=SOON)[name].result()
    deadline = Deadline(SOON)
    with suppress(TopicMissing):
        while not deadline.has_passed():
            query_topic_state(admin, name)
            sleep(0.01)
        raise TimeoutError(f"{name} is still there")


def renew(cluster: Cluster, partitions: int = 1, replicas: int = 1) -> None:
    """Make an empty topic in the place of the one that may be there."""
    deadline = Deadline(READY)
    while True:
        try:
            remove(cluster)
            create_topic({"bootstrap.servers": cluster.bootstrap}, partitions=partitions, replicas=replicas)
        except (TopicRefused, LogUnavailable):
            # A broker that was frozen is not trusted with anything until its controller has heard of it again.
            if deadline.has_passed():
                raise
            sleep(0.1)
        else:
            return


def truncate(cluster: Cluster, name: str, partition: int, first: int) -> None:
    """Remove a partition's records before `first`; all of them if it is OFFSET_END."""
    admin, beginning = AdminClient({"bootstrap.servers": cluster.bootstrap}), TopicPartition(name, partition, first)
    admin.delete_records([beginning])[beginning].result()


def add_partition(cluster: Cluster, name: str, partitions: int) -> None:
    """Give a topic one partition more than the number that it has."""
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.create_partitions([NewPartitions(name, partitions + 1)])[name].result()


def leader_node(cluster: Cluster, name: str, partition: int = 0) -> Node:
    """Return the node that leads a partition of a topic."""
    topic = AdminClient({"bootstrap.servers": cluster.bootstrap}).list_topics(name, 10).topics[name]
    return cluster.nodes[topic.partitions[partition].leader - 1]
