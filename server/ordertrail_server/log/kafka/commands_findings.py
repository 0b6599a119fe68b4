"""Checks that a topic of submitted commands fits its topic of events. Without input or output."""

from collections.abc import Iterator

from ordertrail_server.log.kafka.findings import Finding, Severity, Topic, inspect_topic


def inspect_commands_topic(commands: Topic, events: Topic) -> list[Finding]:
    """Return all findings about a topic of submitted commands beside its topic of events, the unsafe ones first."""
    return [*_check_partition_count(commands, events), *_check_replicas(commands, events), *inspect_topic(commands)]


def note_missing(name: str) -> Finding:
    """Return the finding that there is no topic of submitted commands."""
    return Finding(
        Severity.NOTE,
        f"The cluster has no topic {name}, so servers do not store submitted commands. All other calls work.",
        "Create it with `ordertrail topics create`.",
    )


def note_unreadable(name: str, reason: Exception) -> Finding:
    """Return the finding that the topic of submitted commands cannot be described, as without rights to it."""
    return Finding(
        Severity.NOTE,
        f"The topic {name} cannot be described, so servers do not store submitted commands ({reason}). All other calls "
        "work.",
        "Create it with `ordertrail topics create`, and grant the server's user rights to it.",
    )


def _check_partition_count(commands: Topic, events: Topic) -> Iterator[Finding]:
    count, expected = len(commands.replicas), len(events.replicas)
    if count != expected:
        yield Finding(
            Severity.UNSAFE,
            f"The number of partitions of the topic {commands.name} is {count}, and that of {events.name} is "
            f"{expected}: a submitted command would not be in the partition of its order.",
            f"Create a topic of submitted commands whose number of partitions is {expected}.",
        )


def _check_replicas(commands: Topic, events: Topic) -> Iterator[Finding]:
    replicas, expected = min(commands.replicas), min(events.replicas)
    if replicas < expected:
        yield Finding(
            Severity.UNSAFE,
            f"The number of replicas of the topic {commands.name} is {replicas}, and that of {events.name} is "
            f"{expected}: submitted commands would be lost sooner than facts.",
            f"Let Kafka keep {expected} replicas of each partition of {commands.name}.",
        )
