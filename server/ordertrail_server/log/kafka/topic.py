"""Asking a cluster for a topic, and making one that can be a log. All of it blocks: not for an event loop's thread."""

from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from time import monotonic, sleep
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition, Uuid
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package marks no exports
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    TopicDescription,
)

from ordertrail_server.log.kafka.errors import UNKNOWN_TOPIC, said
from ordertrail_server.log.kafka.findings import IMMUTABLE, Known, Topic
from ordertrail_server.log.kafka.heads import heads
from ordertrail_server.log.kafka.offset_queries import query_ends
from ordertrail_server.log.kafka.reach import REACH_SECONDS, reach_brokers
from ordertrail_server.log.kafka.settings import Settings, check_topic, made, reader_settings
from ordertrail_server.log.port import LogRefused, LogUnavailable

ORDER_EVENTS = "orders.events"
ANSWER_SECONDS = 10.0
# So many answers in a row make sure that there is no such topic.
ANSWERS_ALIKE = 5
AGAIN_SECONDS = 0.2

Answer = TypeVar("Answer")


class TopicRefused(LogRefused):
    """The topic cannot be served; the message is for its operator and says why, and what to do."""


class TopicMissing(TopicRefused):
    """The cluster has no such topic."""


def surely(ask: Callable[[], Answer]) -> Answer:
    """Return the answer to a question about a topic; TopicMissing is believed when it comes again and again.

    A broker that comes back, or any while a topic is new, may not have heard of it yet.
    """
    for _ in range(ANSWERS_ALIKE - 1):
        with suppress(TopicMissing):
            return ask()
        sleep(AGAIN_SECONDS)
    return ask()


def describe(settings: Settings, name: str, patience_s: float = ANSWER_SECONDS) -> Topic:
    """Return what the cluster says of a topic. Raises TopicMissing, LogUnavailable, KafkaSettingRefused."""
    admin = reach_brokers(settings, min(patience_s, REACH_SECONDS))
    found = surely(partial(_describe, admin, name, patience_s))
    replicas = tuple(len(partition.replicas) for partition in found.partitions)
    with closing(made(Consumer, reader_settings(settings))) as consumer, _answering():
        firsts = tuple(query_ends(consumer, name, partition, patience_s)[0] for partition in range(len(replicas)))
        first_records = heads(consumer, name, len(replicas), patience_s)
    return Topic(name, _bytes(found.topic_id), replicas, firsts, _settings(admin, name, patience_s), first_records)


def known(admin: AdminClient, name: str, patience_s: float = ANSWER_SECONDS) -> Known:
    """Return what the topic is now. Raises TopicMissing, LogUnavailable."""
    found = _describe(admin, name, patience_s)
    replicas = max(len(partition.replicas) for partition in found.partitions)
    return Known(_bytes(found.topic_id), len(found.partitions), replicas)


def first_offsets(admin: AdminClient, name: str, partitions: int, patience_s: float = ANSWER_SECONDS) -> list[int]:
    """Return the offset of the first record that each partition still has. Raises LogUnavailable."""
    return _offsets(admin, name, partitions, patience_s, OffsetSpec.earliest)


def ends(admin: AdminClient, name: str, partitions: int, patience_s: float = ANSWER_SECONDS) -> list[int]:
    """Return where each partition ends. Raises LogUnavailable."""
    return _offsets(admin, name, partitions, patience_s, OffsetSpec.latest)


def _offsets(
    admin: AdminClient, name: str, partitions: int, patience_s: float, which: Callable[[], OffsetSpec]
) -> list[int]:
    asked = {TopicPartition(name, partition): which() for partition in range(partitions)}
    with _answering():
        told = admin.list_offsets(asked, request_timeout=patience_s)
        return [told[partition].result().offset for partition in asked]


def create(settings: Settings, name: str = ORDER_EVENTS, *, partitions: int, replicas: int) -> None:
    """Make a topic that can be a log; returns when it can be written. Raises TopicRefused, LogUnavailable."""
    check_topic(name)
    config = IMMUTABLE | {"min.insync.replicas": str(min(replicas, 2))}
    topic = NewTopic(name, num_partitions=partitions, replication_factor=replicas, config=config)
    admin = reach_brokers(settings)
    with _answering():
        try:
            admin.create_topics([topic], operation_timeout=ANSWER_SECONDS)[name].result()
        except KafkaException as error:
            cause = error.args[0]
            if cause.retriable() or cause.code() in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT):
                raise
            raise TopicRefused(f"The topic {name} could not be made: {said(cause)}.") from error
    _await_leaders(admin, name, partitions)


def _await_leaders(admin: AdminClient, name: str, partitions: int) -> None:
    deadline = monotonic() + ANSWER_SECONDS
    while monotonic() < deadline:
        with suppress(TopicMissing):
            found = _describe(admin, name, ANSWER_SECONDS).partitions
            if len(found) == partitions and all(each.leader is not None and each.leader.id >= 0 for each in found):
                return
        sleep(0.02)
    raise LogUnavailable(f"the topic {name} was made, but has no leaders after {ANSWER_SECONDS} seconds")


def _describe(admin: AdminClient, name: str, patience_s: float) -> TopicDescription:
    check_topic(name)
    with _answering():
        try:
            asked = admin.describe_topics(TopicCollection([name]), request_timeout=patience_s)
            found: TopicDescription = asked[name].result()
        except KafkaException as error:
            if error.args[0].code() in UNKNOWN_TOPIC:
                raise TopicMissing(f"The cluster has no topic {name}.") from error
            raise
    return found


def _settings(admin: AdminClient, name: str, patience_s: float) -> dict[str, str]:
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    with _answering():
        try:
            entries = admin.describe_configs([resource], request_timeout=patience_s)[resource].result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                return {}
            raise
    return {key: entry.value for key, entry in entries.items() if entry.value is not None}


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise LogUnavailable(f"the cluster did not answer: {said(error.args[0])}") from error


def _bytes(topic_id: Uuid) -> bytes:
    # Kafka writes its ids in base64 with an alphabet that is safe in URLs; librdkafka with the other one.
    return urlsafe_b64decode(str(topic_id).replace("+", "-").replace("/", "_") + "==")
