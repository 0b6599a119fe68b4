"""Describes and creates topics. All functions block, so they must not run in an event loop's thread."""

from base64 import urlsafe_b64decode
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from time import sleep
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, Uuid
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package marks no exports
    AdminClient,
    ConfigResource,
    NewTopic,
    TopicDescription,
)

from ordertrail_server.log.deadline import Deadline
from ordertrail_server.log.kafka.broker_wait import CONNECT_SECONDS
from ordertrail_server.log.kafka.connection import connect_to_brokers
from ordertrail_server.log.kafka.errors import UNKNOWN_TOPIC, describe_error, errors_as_unavailable
from ordertrail_server.log.kafka.findings import SAFE_SETTINGS, Topic, TopicState
from ordertrail_server.log.kafka.first_records import read_first_records
from ordertrail_server.log.kafka.offset_queries import query_watermarks
from ordertrail_server.log.kafka.settings import Settings, check_topic_encoding, create_client, reader_settings
from ordertrail_server.log.port import LogRefused, LogUnavailable
from ordertrail_server.log.topic_name import ORDER_EVENTS

ANSWER_SECONDS = 10.0
# The number of equal answers in a row after which a topic counts as missing.
MAX_ATTEMPTS = 5
RETRY_SECONDS = 0.2

T = TypeVar("T")


class TopicRefused(LogRefused):
    """The topic cannot be served. The message says why, and what to do."""


class TopicMissing(TopicRefused):
    """The cluster has no such topic."""


def retry_missing(query: Callable[[], T], attempts: int = MAX_ATTEMPTS) -> T:
    """Return the result of a query about a topic. Retry several times while it raises TopicMissing.

    A broker that has just restarted may not know the topic yet. While the topic is new, this is true of every broker.
    """
    for _ in range(attempts - 1):
        with suppress(TopicMissing):
            return query()
        sleep(RETRY_SECONDS)
    return query()


def describe_topic(
    settings: Settings,
    name: str,
    timeout_s: float = ANSWER_SECONDS,
    connect_timeout_s: float = CONNECT_SECONDS,
    attempts: int = MAX_ATTEMPTS,
) -> Topic:
    """Query a topic's description: connect to a broker within `connect_timeout_s`, wait `timeout_s` for each answer.

    A topic counts as missing after that many `attempts`. Raises TopicMissing, LogUnavailable, KafkaSettingRefused.
    """
    admin = connect_to_brokers(settings, min(timeout_s, connect_timeout_s))
    description = retry_missing(partial(_query_description, admin, name, timeout_s), attempts)
    replicas = tuple(len(partition.replicas) for partition in description.partitions)
    with closing(create_client(Consumer, reader_settings(settings))) as consumer, errors_as_unavailable():
        first_offsets = tuple(
            query_watermarks(consumer, name, partition, timeout_s)[0] for partition in range(len(replicas))
        )
        first_records = read_first_records(consumer, name, len(replicas), timeout_s)
    return Topic(
        name,
        _topic_id_bytes(description.topic_id),
        replicas,
        first_offsets,
        _query_settings(admin, name, timeout_s),
        first_records,
    )


def query_topic_state(admin: AdminClient, name: str, timeout_s: float = ANSWER_SECONDS) -> TopicState:
    """Query the topic's present identity, partitions and replicas. Raises TopicMissing, LogUnavailable."""
    description = _query_description(admin, name, timeout_s)
    replicas = max(len(partition.replicas) for partition in description.partitions)
    return TopicState(_topic_id_bytes(description.topic_id), len(description.partitions), replicas)


def create_topic(settings: Settings, name: str = ORDER_EVENTS, *, partitions: int, replicas: int) -> None:
    """Create a topic that can be a log, and wait until it can be written. Raises TopicRefused, LogUnavailable."""
    check_topic_encoding(name)
    config = SAFE_SETTINGS | {"min.insync.replicas": str(min(replicas, 2))}
    topic = NewTopic(name, num_partitions=partitions, replication_factor=replicas, config=config)
    admin = connect_to_brokers(settings)
    with errors_as_unavailable():
        try:
            admin.create_topics([topic], operation_timeout=ANSWER_SECONDS)[name].result()
        except KafkaException as error:
            cause = error.args[0]
            if cause.retriable() or cause.code() in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT):
                raise
            raise TopicRefused(f"The topic {name} could not be created: {describe_error(cause)}.") from error
    _await_leaders(admin, name, partitions)


def _await_leaders(admin: AdminClient, name: str, partitions: int) -> None:
    deadline = Deadline(ANSWER_SECONDS)
    while not deadline.has_passed():
        with suppress(TopicMissing):
            leaders = _query_description(admin, name, ANSWER_SECONDS).partitions
            if len(leaders) == partitions and all(
                partition.leader is not None and partition.leader.id >= 0 for partition in leaders
            ):
                return
        sleep(0.02)
    raise LogUnavailable(f"the topic {name} was created, but has no leaders after {ANSWER_SECONDS} seconds")


def _query_description(admin: AdminClient, name: str, timeout_s: float) -> TopicDescription:
    check_topic_encoding(name)
    with errors_as_unavailable():
        try:
            results = admin.describe_topics(TopicCollection([name]), request_timeout=timeout_s)
            description: TopicDescription = results[name].result()
        except KafkaException as error:
            if error.args[0].code() in UNKNOWN_TOPIC:
                raise TopicMissing(f"The cluster has no topic {name}.") from error.with_traceback(None)
            raise
    return description


def _query_settings(admin: AdminClient, name: str, timeout_s: float) -> dict[str, str]:
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    with errors_as_unavailable():
        try:
            entries = admin.describe_configs([resource], request_timeout=timeout_s)[resource].result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                return {}
            raise
    return {key: entry.value for key, entry in entries.items() if entry.value is not None}


def _topic_id_bytes(topic_id: Uuid) -> bytes:
    # Kafka writes its ids in base64 with an alphabet that is safe in URLs; librdkafka with the other one.
    return urlsafe_b64decode(str(topic_id).replace("+", "-").replace("/", "_") + "==")
