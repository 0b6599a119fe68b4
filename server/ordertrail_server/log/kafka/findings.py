"""Whether a topic can be a log: what in its settings is unsafe, and how to mend it. Pure."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from ordertrail_server.log.kafka.settings import BATCH_BYTES
from ordertrail_server.log.placement import partition_of


class Topic(NamedTuple):
    """What a cluster says of a topic."""

    name: str
    identity: bytes
    """The topic's id (16 bytes): a topic that was deleted and made again has another."""

    replicas: tuple[int, ...]
    """How many replicas each partition has."""

    first_offsets: tuple[int, ...]
    """The offset of the first record that each partition still has."""

    settings: Mapping[str, str]
    """The topic's settings as they are in force; those that may not be read are missing."""

    heads: tuple[tuple[int, str], ...] = ()
    """(partition, order id) of first records."""


class Known(NamedTuple):
    """What is looked at again and again while a log is open on a topic: identity and partitions must stay."""

    identity: bytes
    partitions: int
    replicas: int
    """How many the partition has that has the most."""


class Gravity(Enum):
    """What a finding forbids."""

    UNSAFE = "unsafe"  # nothing is served from such a topic
    NOTE = "note"  # allowed, and said


class Finding(NamedTuple):
    """One thing about a topic that its operator should know."""

    gravity: Gravity
    what: str
    """What is so, and what it leads to, in one or two sentences."""

    mend: str
    """What to do about it."""


IMMUTABLE = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "unclean.leader.election.enable": "false",
}
_CONSEQUENCES = {
    "retention.ms": "Kafka removes records that are older: the log loses its beginning",
    "retention.bytes": "Kafka removes the oldest records of a partition that outgrows it: the log loses its beginning",
    "unclean.leader.election.enable": "a replica that lags behind may take the lead, and acknowledged facts are lost",
}


def findings(topic: Topic) -> list[Finding]:
    """Return all that is to be said of the topic, the unsafe first."""
    found = [*_lost(topic), *_enlarged(topic), *_immutable(topic), *_replicas(topic), *_room(topic)]
    return sorted(found, key=lambda finding: finding.gravity is Gravity.NOTE)


def _unsafe(what: str, mend: str) -> Finding:
    return Finding(Gravity.UNSAFE, what, mend)


def _lost(topic: Topic) -> Iterator[Finding]:
    for partition, first in enumerate(topic.first_offsets):
        if first > 0:
            yield _unsafe(
                f"Partition {partition} of the topic {topic.name} begins at offset {first}: the facts before it were "
                "removed.",
                "Restore the topic from a copy that is whole.",
            )


def _enlarged(topic: Topic) -> Iterator[Finding]:
    fitting = [count for count in range(1, len(topic.replicas) + 1) if _lie_as_in(count, topic)]
    # Where one record lies wrong among those that lie right, no count fits.
    if fitting and len(topic.replicas) not in fitting:
        had = " or ".join(map(str, fitting))
        yield _unsafe(
            f"The topic {topic.name} has {len(topic.replicas)} partitions, and its first records lie as in one of "
            f"{had}: partitions were added, and orders would be looked for where their facts are not.",
            "Make a topic with as many as there were again, and copy each into it.",
        )


def _lie_as_in(count: int, topic: Topic) -> bool:
    return all(partition_of(order_id, count) == partition for partition, order_id in topic.heads)


def _immutable(topic: Topic) -> Iterator[Finding]:
    for name, safe in IMMUTABLE.items():
        value = topic.settings.get(name)
        if value is None:
            yield _unsafe(
                f"The setting {name} of the topic {topic.name} may not be read.",
                "Allow the server's user to DESCRIBE_CONFIGS the topic.",
            )
        elif name == "cleanup.policy":
            yield from _cleanup(topic, value)
        elif value != safe:
            yield _unsafe(f"The topic {topic.name} has {name}={value}: {_CONSEQUENCES[name]}.", _set(name, safe))


def _cleanup(topic: Topic, policy: str) -> Iterator[Finding]:
    if "compact" in policy.split(","):
        yield _unsafe(
            f"The topic {topic.name} is compacted (cleanup.policy={policy}): Kafka removes all facts of an order but "
            "its last.",
            _set("cleanup.policy", "delete"),
        )


def _replicas(topic: Topic) -> Iterator[Finding]:
    replicas, in_sync = min(topic.replicas), int(topic.settings.get("min.insync.replicas", "1"))
    if replicas == 1:
        yield Finding(
            Gravity.NOTE,
            f"The topic {topic.name} has one replica: a broker's lost disk is lost facts. It will do for development.",
            "Make the topic with three replicas.",
        )
    elif in_sync < 2:
        yield _unsafe(
            f"The topic {topic.name} has min.insync.replicas={in_sync}: a fact may be acknowledged while one broker "
            "alone holds it.",
            _set("min.insync.replicas", "2"),
        )
    elif in_sync == replicas:
        yield Finding(
            Gravity.NOTE,
            f"All {replicas} replicas of the topic {topic.name} must be in sync: one broker down, and nothing can be "
            "written.",
            "Make the topic with three replicas, and min.insync.replicas=2.",
        )
    if in_sync > replicas:
        yield _unsafe(
            f"The topic {topic.name} has min.insync.replicas={in_sync}, and {replicas} replicas: nothing can be "
            "written.",
            _set("min.insync.replicas", str(min(replicas, 2))),
        )


def _room(topic: Topic) -> Iterator[Finding]:
    most = int(topic.settings.get("max.message.bytes", BATCH_BYTES))
    if most < BATCH_BYTES:
        yield _unsafe(
            f"The topic {topic.name} takes batches of {most} bytes at most (max.message.bytes), and the server may "
            f"send {BATCH_BYTES}: such ones would be refused.",
            _set("max.message.bytes", "1048588"),
        )


def _set(name: str, value: str) -> str:
    return f"Set {name}={value} on the topic."
