"""What is said of a topic that is to be a log."""

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


def with_setting(name: str, value: str) -> Topic:
    return SAFE._replace(settings={**SAFE.settings, name: value})


def test_of_a_safe_topic_nothing_is_said() -> None:
    assert inspect_topic(SAFE) == []


@pytest.mark.parametrize(
    ("name", "value", "what", "mend"),
    [
        ("cleanup.policy", "compact", "is compacted", "Set cleanup.policy=delete"),
        ("cleanup.policy", "compact,delete", "is compacted", "Set cleanup.policy=delete"),
        ("retention.ms", "604800000", "loses its beginning", "Set retention.ms=-1"),
        ("retention.bytes", "1073741824", "loses its beginning", "Set retention.bytes=-1"),
        ("unclean.leader.election.enable", "true", "acknowledged facts are lost", "=false"),
        ("min.insync.replicas", "1", "only one broker holds it", "Set min.insync.replicas=2"),
        ("min.insync.replicas", "4", "nothing can be written", "Set min.insync.replicas=2"),
        ("max.message.bytes", "64000", "at most 64000 bytes", "Set max.message.bytes=1048588"),
    ],
)
def test_an_unsafe_setting_is_named_with_what_mends_it(name: str, value: str, what: str, mend: str) -> None:
    [finding] = inspect_topic(with_setting(name, value))
    assert finding.severity is Severity.UNSAFE
    assert what in finding.problem
    assert mend in finding.remedy


@pytest.mark.parametrize("name", ["cleanup.policy", "retention.ms", "retention.bytes"])
def test_a_setting_that_may_not_be_read_is_not_taken_for_safe(name: str) -> None:
    settings = {key: value for key, value in SAFE.settings.items() if key != name}
    [finding] = inspect_topic(SAFE._replace(settings=settings))
    assert finding.severity is Severity.UNSAFE
    assert f"may not read the setting {name} of the topic orders.events" in finding.problem


def test_a_lost_beginning_is_named_by_partition_and_offset() -> None:
    [finding] = inspect_topic(SAFE._replace(first_offsets=(0, 17)))
    assert finding.severity is Severity.UNSAFE
    assert "Partition 1 of the topic orders.events begins at offset 17" in finding.problem


def test_one_replica_is_allowed_and_said() -> None:
    development = with_setting("min.insync.replicas", "1")._replace(replicas=(1,), first_offsets=(0,))
    [finding] = inspect_topic(development)
    assert finding.severity is Severity.NOTE
    assert "has one replica" in finding.problem


def test_replicas_that_must_all_be_there_are_allowed_and_said() -> None:
    [finding] = inspect_topic(SAFE._replace(replicas=(2, 2)))
    assert finding.severity is Severity.NOTE
    assert "if one broker is down, nothing can be written" in finding.problem


def lying_as_in(count: int, orders: int = 40) -> tuple[tuple[int, str], ...]:
    return tuple((partition_of(f"order-{number}", count), f"order-{number}") for number in range(orders))


def test_that_partitions_were_added_is_seen_by_where_the_first_records_lie() -> None:
    [finding] = inspect_topic(SAFE._replace(replicas=(3,) * 12, first_records=lying_as_in(5)))
    assert finding.severity is Severity.UNSAFE
    assert (
        "has 12 partitions, and its first records are placed as in a topic of 5: partitions were added"
        in finding.problem
    )


@pytest.mark.parametrize(
    "first_records",
    [lying_as_in(2), (*lying_as_in(2), (0, "elsewhere"), (1, "elsewhere")), ()],
    ids=["as they should", "but for a stranger's", "there are none"],
)
def test_a_topic_that_has_as_many_as_it_had_is_not_held_to_have_more(
    first_records: tuple[tuple[int, str], ...],
) -> None:
    assert inspect_topic(SAFE._replace(first_records=first_records)) == []


def test_what_is_unsafe_is_said_first() -> None:
    development = with_setting("retention.ms", "1")._replace(replicas=(1, 1))
    gravities = [finding.severity for finding in inspect_topic(development)]
    assert gravities == [Severity.UNSAFE, Severity.UNSAFE, Severity.NOTE]
