"""The findings about a topic that is to be a log."""

import pytest

from ordertrail_server.log.kafka.findings import Severity, Topic, inspect_topic
from ordertrail_server.log.placement import partition_of

SAFE = Topic(
    name="orders.events",
    identity=b"i" * 16,
    replicas=(3, 3),
    first_offsets=(0, 0),
    settings={
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "unclean.leader.election.enable": "false",
        "min.insync.replicas": "2",
        "max.message.bytes": "1048588",
    },
)


def set_topic_setting(name: str, value: str) -> Topic:
    return SAFE._replace(settings={**SAFE.settings, name: value})


def test_safe_topic_has_no_findings() -> None:
    assert inspect_topic(SAFE) == []


@pytest.mark.parametrize(
    ("name", "value", "problem", "remedy"),
    [
        ("cleanup.policy", "compact", "is compacted", "Set cleanup.policy=delete"),
        ("cleanup.policy", "compact,delete", "is compacted", "Set cleanup.policy=delete"),
        ("retention.ms", "604800000", "loses its beginning", "Set retention.ms=-1"),
        ("retention.bytes", "1073741824", "loses its beginning", "Set retention.bytes=-1"),
        ("unclean.leader.election.enable", "true", "acknowledged records are lost", "=false"),
        ("min.insync.replicas", "1", "only one broker holds it", "Set min.insync.replicas=2"),
        ("min.insync.replicas", "4", "nothing can be written", "Set min.insync.replicas=2"),
        ("max.message.bytes", "64000", "at most 64000 bytes", "Set max.message.bytes=1048588"),
    ],
)
def test_unsafe_setting_is_reported_with_its_remedy(name: str, value: str, problem: str, remedy: str) -> None:
    [finding] = inspect_topic(set_topic_setting(name, value))
    assert finding.severity is Severity.UNSAFE
    assert problem in finding.problem
    assert remedy in finding.remedy


@pytest.mark.parametrize("name", ["cleanup.policy", "retention.ms", "retention.bytes"])
def test_unreadable_setting_is_unsafe(name: str) -> None:
    settings = {key: value for key, value in SAFE.settings.items() if key != name}
    [finding] = inspect_topic(SAFE._replace(settings=settings))
    assert finding.severity is Severity.UNSAFE
    assert f"may not read the setting {name} of the topic orders.events" in finding.problem


def test_lost_beginning_is_reported_with_partition_and_offset() -> None:
    [finding] = inspect_topic(SAFE._replace(first_offsets=(0, 17)))
    assert finding.severity is Severity.UNSAFE
    assert "Partition 1 of the topic orders.events begins at offset 17" in finding.problem


def test_single_replica_is_allowed_with_a_note() -> None:
    development = set_topic_setting("min.insync.replicas", "1")._replace(replicas=(1,), first_offsets=(0,))
    [finding] = inspect_topic(development)
    assert finding.severity is Severity.NOTE
    assert "has one replica" in finding.problem


def test_requirement_of_all_replicas_is_allowed_with_a_note() -> None:
    [finding] = inspect_topic(SAFE._replace(replicas=(2, 2)))
    assert finding.severity is Severity.NOTE
    assert "if one broker is down, nothing can be written" in finding.problem


def place_like_topic_of(count: int, orders: int = 40) -> tuple[tuple[int, str], ...]:
    return tuple((partition_of(f"order-{number}", count), f"order-{number}") for number in range(orders))


def test_placement_of_first_records_reveals_added_partitions() -> None:
    [finding] = inspect_topic(SAFE._replace(replicas=(3,) * 12, first_records=place_like_topic_of(5)))
    assert finding.severity is Severity.UNSAFE
    assert (
        "has 12 partitions, and its first records are placed as in a topic of 5: partitions were added"
        in finding.problem
    )


@pytest.mark.parametrize(
    "first_records",
    [place_like_topic_of(2), (*place_like_topic_of(2), (0, "foreign"), (1, "foreign")), ()],
    ids=["correct placement", "two foreign records", "no records"],
)
def test_unchanged_partition_count_has_no_finding(
    first_records: tuple[tuple[int, str], ...],
) -> None:
    assert inspect_topic(SAFE._replace(first_records=first_records)) == []


def test_unsafe_findings_come_first() -> None:
    development = set_topic_setting("retention.ms", "1")._replace(replicas=(1, 1))
    severities = [finding.severity for finding in inspect_topic(development)]
    assert severities == [Severity.UNSAFE, Severity.UNSAFE, Severity.NOTE]
