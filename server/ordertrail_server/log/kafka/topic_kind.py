"""The kinds of topics beside the topic of events, and the checks that one fits it. Without input or output.

A server serves all else if such a topic is missing, as after an upgrade from a release without it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ordertrail_server.log.kafka.findings import Finding, Severity, Topic, inspect_topic


@dataclass(frozen=True, slots=True)
class TopicKind:
    """A kind of topic: what it holds, what servers do without it, and its findings beside the topic of events."""

    contents: str
    consequence: str
    inspect: Callable[[Topic, Topic], list[Finding]]

    def note_missing(self, name: str) -> Finding:
        """Return the finding that there is no such topic."""
        return Finding(
            Severity.NOTE,
            f"The cluster has no topic {name}, so {self.consequence}. All other calls work.",
            "Create it with `ordertrail topics create`.",
        )

    def note_unreadable(self, name: str, reason: Exception) -> Finding:
        """Return the finding that the topic cannot be described, as without rights to it."""
        return Finding(
            Severity.NOTE,
            f"The topic {name} cannot be described, so {self.consequence} ({reason}). All other calls work.",
            "Create it with `ordertrail topics create`, and grant the server's user rights to it.",
        )


def inspect_commands_topic(commands: Topic, events: Topic) -> list[Finding]:
    """Return all findings about a topic of submitted commands beside its topic of events, the unsafe ones first."""
    return [
        *_check_commands_partitions(commands, events),
        *_check_replicas(commands, events, "submitted commands"),
        *inspect_topic(commands),
    ]


def inspect_subscriptions_topic(subscriptions: Topic, events: Topic) -> list[Finding]:
    """Return all findings about a topic of subscriptions beside its topic of events, the unsafe ones first."""
    # Servers remove its beginning, and its keys are no order ids.
    whole = subscriptions._replace(first_offsets=(0,) * len(subscriptions.replicas), first_records=())
    return [
        *_check_one_partition(subscriptions),
        *_check_replicas(subscriptions, events, "what subscriptions have acknowledged"),
        *inspect_topic(whole),
    ]


COMMANDS = TopicKind("submitted commands", "servers do not store submitted commands", inspect_commands_topic)
SUBSCRIPTIONS = TopicKind("subscriptions", "servers offer no subscriptions", inspect_subscriptions_topic)


def _check_one_partition(subscriptions: Topic) -> Iterator[Finding]:
    count = len(subscriptions.replicas)
    if count != 1:
        yield Finding(
            Severity.UNSAFE,
            f"The number of partitions of the topic {subscriptions.name} is {count}: its messages must have one order.",
            "Create a topic of subscriptions with 1 partition.",
        )


def _check_commands_partitions(commands: Topic, events: Topic) -> Iterator[Finding]:
    count, expected = len(commands.replicas), len(events.replicas)
    if count != expected:
        yield Finding(
            Severity.UNSAFE,
            f"The number of partitions of the topic {commands.name} is {count}, and that of {events.name} is "
            f"{expected}: a submitted command would not be in the partition of its order.",
            f"Create a topic of submitted commands whose number of partitions is {expected}.",
        )


def _check_replicas(topic: Topic, events: Topic, contents: str) -> Iterator[Finding]:
    replicas, expected = min(topic.replicas), min(events.replicas)
    if replicas < expected:
        yield Finding(
            Severity.UNSAFE,
            f"The number of replicas of the topic {topic.name} is {replicas}, and that of {events.name} is "
            f"{expected}: {contents} would be lost sooner than facts.",
            f"Let Kafka keep {expected} replicas of each partition of {topic.name}.",
        )
