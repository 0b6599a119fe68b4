"""`ordertrail topics create`: create the topics of a log, whose settings keep every record."""

from typing import TYPE_CHECKING, NamedTuple

import click

from ordertrail_server.cli.kafka_log import find_topic, kafka_settings, report_log_errors
from ordertrail_server.cli.log_option import (
    LIBRDKAFKA,
    TopicNames,
    bootstrap_option,
    choose_topics,
    commands_topic_option,
    subscriptions_topic_option,
    topic_option,
)
from ordertrail_server.cli.topics.topic_text import is_safe, report_json, report_text
from ordertrail_server.cli.value_text import json_line
from ordertrail_server.log.position import MAX_PARTITIONS

if TYPE_CHECKING:
    from ordertrail_server.log.kafka.findings import Topic
    from ordertrail_server.log.kafka.settings import Value

DEFAULT_PARTITIONS, DEFAULT_REPLICAS = 3, 3
EPILOG = f"""\b
Examples:
  ordertrail topics create --bootstrap kafka:9092 --partitions 12
  ordertrail topics create --bootstrap kafka:9092 --replicas 1 --if-missing

{LIBRDKAFKA}"""


class Created(NamedTuple):
    """A topic, and whether this command created it."""

    topic: "Topic"
    is_new: bool


@click.command(epilog=EPILOG)
@bootstrap_option()
@topic_option
@commands_topic_option
@subscriptions_topic_option
@click.option(
    "--partitions",
    type=click.IntRange(1, MAX_PARTITIONS),
    metavar="N",
    help="The number of partitions, which can never change. A log copied from a data directory needs 1.  [default: 3, "
    "or that of the existing topic]",
)
@click.option(
    "--replicas",
    type=click.IntRange(1, 32767),
    metavar="N",
    help="How many brokers store each partition. Of 3, 2 must have a fact before it is acknowledged.  [default: 3, or "
    "that of the existing topic]",
)
@click.option("--if-missing", is_flag=True, help="If all topics exist, only check them and their partitions.")
@click.option("--json", "as_json", is_flag=True, help="Print the topics and each finding as one JSON object.")
def create(
    bootstrap: str,
    topic: str,
    commands_topic: str | None,
    subscriptions_topic: str | None,
    partitions: int | None,
    replicas: int | None,
    if_missing: bool,
    as_json: bool,
) -> None:
    """Create the empty topics of a log, from which Kafka never removes a record by itself, and check them.

    One topic holds the events, one submitted commands, and one subscriptions. If only the first one exists, as in an
    earlier release, the others are created beside it. All have cleanup.policy=delete, unlimited retention, and no
    election of a leader that lags behind. Exit codes: 0 created, 1 failed, for example because all topics exist.
    """
    settings, names = kafka_settings(bootstrap), choose_topics(topic, commands_topic, subscriptions_topic)
    with report_log_errors():
        existing = _find_existing(settings, names, if_missing)
        if existing.events is not None:
            _check_partition_count(existing.events, partitions)
        if None not in existing and not if_missing:
            raise click.ClickException(_describe_existing(names))
        events = _create_missing(
            settings, existing.events, topic, partitions or DEFAULT_PARTITIONS, replicas or DEFAULT_REPLICAS
        )
        count, replicas = len(events.topic.replicas), max(replicas or 1, min(events.topic.replicas))
        commands = _create_missing(settings, existing.commands, names.commands, count, replicas)
        subscriptions = _create_missing(settings, existing.subscriptions, names.subscriptions, 1, replicas)
    _report(events, commands, subscriptions, as_json)


class ExistingTopics(NamedTuple):
    """The topics of a log that exist."""

    events: "Topic | None"
    commands: "Topic | None"
    subscriptions: "Topic | None"


def _find_existing(settings: "dict[str, Value]", names: TopicNames, if_missing: bool) -> ExistingTopics:
    """Return the topics that exist. Refuse one of commands or subscriptions without one of events."""
    commands = find_topic(settings, names.commands, is_retried=if_missing)
    subscriptions = find_topic(settings, names.subscriptions, is_retried=if_missing)
    is_retried = if_missing or commands is not None or subscriptions is not None
    events = find_topic(settings, names.events, is_retried=is_retried)
    if events is None and commands is not None:
        raise click.ClickException(
            f"The topic {names.commands} exists without {names.events}, so its commands were submitted to another log. "
            "Servers would execute them again. Delete it with `ordertrail topics delete`, or choose another name."
        )
    if events is None and subscriptions is not None:
        raise click.ClickException(
            f"The topic {names.subscriptions} exists without {names.events}, so its subscriptions belong to another "
            "log. Delete it with `ordertrail topics delete`, or choose another name."
        )
    return ExistingTopics(events, commands, subscriptions)


def _create_missing(
    settings: "dict[str, Value]", existing: "Topic | None", name: str, partitions: int, replicas: int
) -> Created:
    from ordertrail_server.log.kafka.topic import TopicRefused, create_topic, describe_topic

    if existing is not None:
        return Created(existing, False)
    try:
        create_topic(settings, name, partitions=partitions, replicas=replicas)
    except TopicRefused as refusal:
        too_few_brokers = "INVALID_REPLICATION_FACTOR" in str(refusal)
        hint = (
            " The cluster has fewer brokers than replicas; --replicas 1 is enough for development."
            if too_few_brokers
            else ""
        )
        raise click.ClickException(f"{refusal}{hint}") from None
    return Created(describe_topic(settings, name), True)


def _check_partition_count(events: "Topic", partitions: int | None) -> None:
    if partitions not in (None, len(events.replicas)):
        raise click.ClickException(
            f"The topic {events.name} exists, but its number of partitions is {len(events.replicas)} and not "
            f"{partitions}."
        )


def _describe_existing(names: TopicNames) -> str:
    return (
        f"The topics {names.events}, {names.commands} and {names.subscriptions} already exist. To only check them, add "
        "--if-missing."
    )


def _report(events: Created, commands: Created, subscriptions: Created, as_json: bool) -> None:
    """Print what was created, and what is wrong with the topics. End with exit code 1 if one is unsafe."""
    from ordertrail_server.log.kafka.findings import inspect_topic
    from ordertrail_server.log.kafka.topic_kind import COMMANDS, SUBSCRIPTIONS

    created = (events, commands, subscriptions)
    findings = (
        inspect_topic(events.topic),
        COMMANDS.inspect(commands.topic, events.topic),
        SUBSCRIPTIONS.inspect(subscriptions.topic, events.topic),
    )
    reports = [
        {**report_json(topic, results), "made": is_new}
        for (topic, is_new), results in zip(created, findings, strict=True)
    ]
    if as_json:
        click.echo(json_line({**reports[0], "commands": reports[1], "subscriptions": reports[2]}))
    else:
        for (topic, is_new), results in zip(created, findings, strict=True):
            click.echo(f"Created the topic {topic.name}." if is_new else f"The topic {topic.name} already exists.")
            click.echo(report_text(topic, results))
    if not all(map(is_safe, findings)):
        raise click.exceptions.Exit(1)
