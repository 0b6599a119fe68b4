"""Checks that a topic can be a log: finds unsafe settings, and how to fix them. Without input or output."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from ordertrail_server.log.kafka.settings import BATCH_BYTES
from ordertrail_server.log.placement import partition_of


class Topic(NamedTuple):
    """A topic as its cluster describes it."""

    name: str
    identity: bytes
    """The topic's id (16 bytes). A topic that was deleted and created again has another."""

    replicas: tuple[int, ...]
    """The number of replicas of each partition."""

    first_offsets: tuple[int, ...]
    """The low watermark of each partition: the offset of the first record that it still has."""

    settings: Mapping[str, str]
    """The topic's effective settings, without those that this user may not read."""

    first_records: tuple[tuple[int, str], ...] = ()
    """(partition, order id) of the first records of each partition."""


class TopicState(NamedTuple):
    """What an open log checks regularly. Identity and partition count must not change."""

    identity: bytes
    partitions: int
    replicas: int
    """The largest number of replicas of any partition."""


class Severity(Enum):
    """How serious a finding is."""

    UNSAFE = "unsafe"  # no server starts on such a topic
    NOTE = "note"  # allowed, but reported


class Finding(NamedTuple):
    """A property of a topic that its operator should know."""

    severity: Severity
    problem: str
    """What is wrong, and its consequence, in one or two sentences."""

    remedy: str
    """How to fix it."""


SAFE_SETTINGS = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "unclean.leader.election.enable": "false",
}
_CONSEQUENCES = {
    "retention.ms": "Kafka removes records that are older: the log loses its beginning",
    "retention.bytes": "Kafka removes the oldest records of a partition that outgrows it: the log loses its beginning",
    "unclean.leader.election.enable": "a replica that lags may become leader, and acknowledged records are lost",
}


def inspect_topic(topic: Topic) -> list[Finding]:
    """Return all findings about the topic, the unsafe ones first."""
    results = [
        *_check_beginning(topic),
        *_check_partition_count(topic),
        *_check_settings(topic),
        *_check_replicas(topic),
        *_check_batch_size(topic),
    ]
    return sorted(results, key=lambda finding: finding.severity is Severity.NOTE)


def _unsafe(problem: str, remedy: str) -> Finding:
    return Finding(Severity.UNSAFE, problem, remedy)


def _check_beginning(topic: Topic) -> Iterator[Finding]:
    for partition, first in enumerate(topic.first_offsets):
        if first > 0:
            yield _unsafe(
                f"Partition {partition} of the topic {topic.name} begins at offset {first}: the records before it were "
                "removed.",
                "Restore the topic from a complete copy.",
            )


def _check_partition_count(topic: Topic) -> Iterator[Finding]:
    candidates = [count for count in range(1, len(topic.replicas) + 1) if _fits_partition_count(count, topic)]
    # If one foreign record is in the wrong partition, no count fits, and nothing is reported.
    if candidates and len(topic.replicas) not in candidates:
        counts = " or ".join(map(str, candidates))
        yield _unsafe(
            f"The topic {topic.name} has {len(topic.replicas)} partitions, and its first records are placed as in a "
            f"topic of {counts}: partitions were added, so the server would look for orders in the wrong partitions.",
            "Create a topic with the original number of partitions, and copy the records into it.",
        )


def _fits_partition_count(count: int, topic: Topic) -> bool:
    return all(partition_of(order_id, count) == partition for partition, order_id in topic.first_records)


def _check_settings(topic: Topic) -> Iterator[Finding]:
    for name, safe_value in SAFE_SETTINGS.items():
        value = topic.settings.get(name)
        if value is None:
            yield _unsafe(
                f"The server's user may not read the setting {name} of the topic {topic.name}.",
                "Grant this user the right DESCRIBE_CONFIGS on the topic.",
            )
        elif name == "cleanup.policy":
            yield from _check_cleanup_policy(topic, value)
        elif value != safe_value:
            yield _unsafe(
                f"The topic {topic.name} has {name}={value}: {_CONSEQUENCES[name]}.", _advise_setting(name, safe_value)
            )


def _check_cleanup_policy(topic: Topic, policy: str) -> Iterator[Finding]:
    if "compact" in policy.split(","):
        yield _unsafe(
            f"The topic {topic.name} is compacted (cleanup.policy={policy}): Kafka removes all records of an order "
            "except the last.",
            _advise_setting("cleanup.policy", "delete"),
        )


def _check_replicas(topic: Topic) -> Iterator[Finding]:
    replicas, in_sync = min(topic.replicas), int(topic.settings.get("min.insync.replicas", "1"))
    if replicas == 1:
        yield Finding(
            Severity.NOTE,
            f"The topic {topic.name} has one replica: if its disk fails, records are lost. That is enough for tests.",
            "Create the topic with three replicas.",
        )
    elif in_sync < 2:
        yield _unsafe(
            f"The topic {topic.name} has min.insync.replicas={in_sync}: a record may be acknowledged while only one "
            "broker holds it.",
            _advise_setting("min.insync.replicas", "2"),
        )
    elif in_sync == replicas:
        yield Finding(
            Severity.NOTE,
            f"All {replicas} replicas of the topic {topic.name} must be in sync: if one broker is down, nothing "
            "can be written.",
            "Create the topic with three replicas and min.insync.replicas=2.",
        )
    if in_sync > replicas:
        yield _unsafe(
            f"The topic {topic.name} has min.insync.replicas={in_sync}, and {replicas} replicas: nothing can be "
            "written.",
            _advise_setting("min.insync.replicas", str(min(replicas, 2))),
        )


def _check_batch_size(topic: Topic) -> Iterator[Finding]:
    max_bytes = int(topic.settings.get("max.message.bytes", BATCH_BYTES))
    if max_bytes < BATCH_BYTES:
        yield _unsafe(
            f"The topic {topic.name} accepts batches of at most {max_bytes} bytes (max.message.bytes), and the server "
            f"may send {BATCH_BYTES} bytes: Kafka would reject larger batches.",
            _advise_setting("max.message.bytes", "1048588"),
        )


def _advise_setting(name: str, value: str) -> str:
    return f"Set {name}={value} on the topic."
