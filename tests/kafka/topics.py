"""Creates, deletes and changes topics for tests."""

from contextlib import suppress
from time import sleep

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]  # the package marks no exports
from tests.kafka.cluster import Cluster
from tests.kafka.node import Node

from ordertrail_server.log.deadline import Deadline
from ordertrail_server.log.kafka.topic import TopicMissing, TopicRefused, create_topic, query_topic_state
from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.log.topic_name import ORDER_EVENTS

SOON, READY = 60.0, 240.0


def delete_topic(cluster: Cluster, name: str = ORDER_EVENTS) -> None:
    """Delete the topic, if it exists, and return once the cluster no longer has it."""
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    with suppress(KafkaException):
        admin.delete_topics([name], operation_timeout=SOON)[name].result()
    deadline = Deadline(SOON)
    with suppress(TopicMissing):
        while not deadline.has_passed():
            query_topic_state(admin, name)
            sleep(0.01)
        raise TimeoutError(f"{name} still exists")


def recreate_topic(cluster: Cluster, partitions: int = 1, replicas: int = 1) -> None:
    """Create the log's topic anew and empty, and delete an existing one before."""
    deadline = Deadline(READY)
    while True:
        try:
            delete_topic(cluster)
            create_topic({"bootstrap.servers": cluster.bootstrap}, partitions=partitions, replicas=replicas)
        except (TopicRefused, LogUnavailable):
            # A broker that was frozen gets no partitions until it has registered with the controller again.
            if deadline.has_passed():
                raise
            sleep(0.1)
        else:
            return


def truncate_partition(cluster: Cluster, name: str, partition: int, first: int) -> None:
    """Remove a partition's records before `first`; all of them if it is OFFSET_END."""
    admin, position = AdminClient({"bootstrap.servers": cluster.bootstrap}), TopicPartition(name, partition, first)
    admin.delete_records([position])[position].result()


def add_partition(cluster: Cluster, name: str, partitions: int) -> None:
    """Add a partition to a topic that has `partitions` of them."""
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.create_partitions([NewPartitions(name, partitions + 1)])[name].result()


def find_leader(cluster: Cluster, name: str, partition: int = 0) -> Node:
    """Return the node that leads a partition of a topic."""
    topic = AdminClient({"bootstrap.servers": cluster.bootstrap}).list_topics(name, 10).topics[name]
    return cluster.nodes[topic.partitions[partition].leader - 1]
