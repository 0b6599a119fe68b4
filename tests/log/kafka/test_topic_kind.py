"""The findings about topics of submitted commands and of subscriptions beside their topic of events."""

import pytest
from tests.log.kafka.test_findings import SAFE, set_topic_setting

from ordertrail_server.log.kafka.findings import Severity, Topic
from ordertrail_server.log.kafka.topic_kind import (
    COMMANDS as COMMANDS_KIND,
    inspect_commands_topic,
    inspect_subscriptions_topic,
)
from ordertrail_server.log.topic_name import ORDER_COMMANDS, ORDER_EVENTS, commands_topic_of, subscriptions_topic_of

COMMANDS = SAFE._replace(name=ORDER_COMMANDS)
SUBSCRIPTIONS = SAFE._replace(name="orders.subscriptions", replicas=(3,), first_offsets=(700,), first_records=())


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        (ORDER_EVENTS, ORDER_COMMANDS),
        ("orders.eu", "orders.eu.commands"),
        ("orders.events.eu", "orders.events.eu.commands"),
        (".events", ".commands"),
    ],
)
def test_default_name_ends_with_commands(topic: str, expected: str) -> None:
    assert commands_topic_of(topic) == expected


def test_topic_like_that_of_the_events_has_no_findings() -> None:
    assert inspect_commands_topic(COMMANDS, SAFE) == []


def test_more_replicas_than_the_events_have_no_findings() -> None:
    assert inspect_commands_topic(COMMANDS._replace(replicas=(4, 5)), SAFE) == []


def test_commands_have_the_findings_of_every_topic() -> None:
    compacted = set_topic_setting("cleanup.policy", "compact")._replace(name=ORDER_COMMANDS)
    [finding] = inspect_commands_topic(compacted, SAFE)
    assert finding.severity is Severity.UNSAFE
    assert "The topic orders.commands is compacted" in finding.problem


@pytest.mark.parametrize("replicas", [(3,), (3, 3, 3)])
def test_other_partition_count_than_the_events_is_unsafe(replicas: tuple[int, ...]) -> None:
    [finding] = inspect_commands_topic(COMMANDS._replace(replicas=replicas), SAFE)
    assert finding.severity is Severity.UNSAFE
    assert f"of the topic orders.commands is {len(replicas)}, and that of orders.events is 2" in finding.problem
    assert "whose number of partitions is 2" in finding.remedy


def test_fewer_replicas_than_the_events_are_unsafe() -> None:
    finding, *_ = inspect_commands_topic(COMMANDS._replace(replicas=(3, 2)), SAFE)
    assert finding.severity is Severity.UNSAFE
    assert "replicas of the topic orders.commands is 2, and that of orders.events is 3" in finding.problem


def test_missing_topic_is_a_note_because_servers_start_without_it() -> None:
    finding = COMMANDS_KIND.note_missing(ORDER_COMMANDS)
    assert finding.severity is Severity.NOTE
    assert "ordertrail topics create" in finding.remedy


def test_topic_of_subscriptions_may_begin_later() -> None:
    assert inspect_subscriptions_topic(SUBSCRIPTIONS, SAFE) == []


@pytest.mark.parametrize(
    ("topic", "problem"),
    [
        (SUBSCRIPTIONS._replace(replicas=(3, 3)), "The number of partitions of the topic orders.subscriptions is 2"),
        (SUBSCRIPTIONS._replace(replicas=(2,)), "have acknowledged would be lost sooner than facts"),
        (SUBSCRIPTIONS._replace(settings={**SAFE.settings, "cleanup.policy": "compact"}), "is compacted"),
        (SUBSCRIPTIONS._replace(settings={**SAFE.settings, "retention.ms": "1"}), "retention.ms=1"),
    ],
)
def test_topic_of_subscriptions_that_would_lose_records_is_unsafe(topic: Topic, problem: str) -> None:
    finding, *_ = inspect_subscriptions_topic(topic, SAFE)
    assert (finding.severity, problem in finding.problem) == (Severity.UNSAFE, True), finding


def test_default_name_of_the_topic_of_subscriptions_ends_with_subscriptions() -> None:
    assert subscriptions_topic_of(ORDER_EVENTS) == "orders.subscriptions"
