"""Checks the Kafka topics of a server, as it does itself at its start."""

from collections.abc import Iterator

from ordertrail_server.doctor.finding import Finding, error, ok, warning
from ordertrail_server.log.kafka.findings import Finding as TopicFinding, Severity, Topic, inspect_topic
from ordertrail_server.log.kafka.settings import Settings
from ordertrail_server.log.kafka.topic import TopicMissing, describe_topic
from ordertrail_server.log.kafka.topic_kind import COMMANDS, SUBSCRIPTIONS, TopicKind
from ordertrail_server.log.port import LogRefused, LogUnavailable

TOPICS = "topics"


def check_topics(settings: Settings, events: str, commands: str, subscriptions: str) -> list[Finding]:
    """Check the three topics of a log. `settings` are librdkafka's. Blocks."""
    try:
        topic = describe_topic(settings, events)
    except TopicMissing as missing:
        return [error(TOPICS, str(missing), "Create it: ordertrail topics create.")]
    except LogUnavailable as unavailable:
        return [
            error(TOPICS, f"{unavailable}.", "Start the brokers, or correct --bootstrap and the settings of Kafka.")
        ]
    except LogRefused as refusal:
        return [error(TOPICS, str(refusal), "Correct the settings of Kafka (ORDERTRAIL_KAFKA_…).")]
    findings = [*_translate(events, inspect_topic(topic))]
    for kind, name in ((COMMANDS, commands), (SUBSCRIPTIONS, subscriptions)):
        findings += _translate(name, _inspect(settings, kind, name, topic))
    return findings


def _inspect(settings: Settings, kind: TopicKind, name: str, events: Topic) -> list[TopicFinding]:
    try:
        return kind.inspect(describe_topic(settings, name), events)
    except TopicMissing:
        return [kind.note_missing(name)]
    except LogUnavailable as unavailable:
        return [kind.note_unreadable(name, unavailable)]


def _translate(name: str, findings: list[TopicFinding]) -> Iterator[Finding]:
    for severity, problem, remedy in findings:
        yield (error if severity is Severity.UNSAFE else warning)(TOPICS, problem, remedy)
    if not findings:
        yield ok(TOPICS, f"The topic {name} keeps every record.")
