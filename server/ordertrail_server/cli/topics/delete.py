"""`ordertrail topics delete`: delete the topics of a log, and every record on them."""

from contextlib import closing
from time import sleep
from typing import TYPE_CHECKING, NamedTuple

import click

from ordertrail_server.cli.kafka_log import find_topic, kafka_settings, report_log_errors
from ordertrail_server.cli.log_option import (
    LIBRDKAFKA,
    bootstrap_option,
    choose_topics,
    commands_topic_option,
    subscriptions_topic_option,
    topic_option,
)
from ordertrail_server.cli.value_text import json_line
from ordertrail_server.log.deadline import Deadline

if TYPE_CHECKING:
    from ordertrail_server.log.kafka.findings import Topic
    from ordertrail_server.log.kafka.settings import Value

TIMEOUT_SECONDS = 10.0
EPILOG = f"""\b
Examples:
  ordertrail topics delete --bootstrap kafka:9092
  ordertrail topics delete --bootstrap kafka:9092 --topic orders.eu --yes

{LIBRDKAFKA}"""


class TopicSize(NamedTuple):
    """A topic that exists: its name, and the numbers of its partitions and records."""

    name: str
    partitions: int
    records: int


@click.command(epilog=EPILOG)
@bootstrap_option()
@topic_option
@commands_topic_option
@subscriptions_topic_option
@click.option("--yes", is_flag=True, help="Delete the topics.")
@click.option("--json", "as_json", is_flag=True, help="Print the topics and their numbers of records as a JSON object.")
def delete(
    bootstrap: str, topic: str, commands_topic: str | None, subscriptions_topic: str | None, yes: bool, as_json: bool
) -> None:
    """Delete the topics of a log, with every fact, submitted command and subscription, for ever.

    Without --yes, only report what would be lost. If some of the topics are missing, the others are deleted. Exit
    codes: 0 deleted, 1 not deleted.
    """
    settings, names = kafka_settings(bootstrap), choose_topics(topic, commands_topic, subscriptions_topic)
    with report_log_errors():
        subscriptions = _measure_topic(settings, find_topic(settings, names.subscriptions))
        commands = _measure_topic(settings, find_topic(settings, names.commands))
        is_required = commands is None and subscriptions is None
        events = _measure_topic(settings, _find_events(settings, topic, is_required=is_required))
        if not yes:
            raise click.ClickException(_describe_loss(events, commands, subscriptions))
        # If a later deletion fails, the log is left as a log without the others.
        for size in (subscriptions, commands, events):
            if size is not None:
                _delete_topic(settings, size.name)
    if as_json:
        reports = {
            "commands": _report_json(names.commands, commands),
            "subscriptions": _report_json(names.subscriptions, subscriptions),
        }
        click.echo(json_line({**_report_json(topic, events), **reports}))
        return
    for size in (events, commands, subscriptions):
        if size is not None:
            click.echo(f"Deleted the topic {size.name}, which held {size.records:,} records.")


def _find_events(settings: "dict[str, Value]", topic: str, *, is_required: bool) -> "Topic | None":
    """Raises TopicMissing if the topic is required and missing."""
    from ordertrail_server.log.kafka.topic import describe_topic

    return describe_topic(settings, topic) if is_required else find_topic(settings, topic)


def _report_json(name: str, size: TopicSize | None) -> dict[str, object]:
    return {"topic": name, "deleted": size is not None, "records": 0 if size is None else size.records}


def _describe_loss(events: TopicSize | None, commands: TopicSize | None, subscriptions: TopicSize | None) -> str:
    sentences = ["Nothing was deleted."]
    if events is not None:
        sentences += [
            f"The topic {events.name} (partitions: {events.partitions}) holds {events.records:,} records.",
            "Its deletion destroys all facts of its orders for ever, makes their tokens and receipts useless, and "
            "stops the servers that use it. `ordertrail log copy` makes a copy.",
        ]
    if commands is not None:
        sentences += [
            f"The topic {commands.name} holds {commands.records:,} submitted commands.",
            "Its deletion destroys those that are not executed yet, and stops the servers that use it.",
        ]
    if subscriptions is not None:
        sentences += [
            f"The topic {subscriptions.name} holds {subscriptions.records:,} records about subscriptions.",
            "Its deletion destroys all of them, with what their consumers have acknowledged.",
        ]
    return " ".join([*sentences, "To delete all of it, add --yes."])


def _measure_topic(settings: "dict[str, Value]", topic: "Topic | None") -> TopicSize | None:
    """Return the topic's size, in offsets that are in use."""
    from confluent_kafka import Consumer, KafkaException

    from ordertrail_server.log.kafka.errors import describe_error
    from ordertrail_server.log.kafka.offset_queries import query_watermarks
    from ordertrail_server.log.kafka.settings import create_client, reader_settings
    from ordertrail_server.log.port import LogUnavailable

    if topic is None:
        return None
    name, partitions = topic.name, len(topic.replicas)
    try:
        with closing(create_client(Consumer, reader_settings(settings))) as consumer:
            ends = [query_watermarks(consumer, name, partition, TIMEOUT_SECONDS) for partition in range(partitions)]
    except KafkaException as error:
        raise LogUnavailable(f"the cluster did not answer: {describe_error(error.args[0])}") from error
    return TopicSize(name, partitions, sum(end - first for first, end in ends))


def _delete_topic(settings: "dict[str, Value]", topic: str) -> None:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    from ordertrail_server.log.kafka.errors import describe_error
    from ordertrail_server.log.kafka.settings import admin_settings, create_client
    from ordertrail_server.log.kafka.topic import TopicMissing, query_topic_state

    admin = create_client(AdminClient, admin_settings(settings))
    try:
        admin.delete_topics([topic], operation_timeout=TIMEOUT_SECONDS)[topic].result()
    except KafkaException as error:
        raise click.ClickException(f"The topic {topic} was not deleted: {describe_error(error.args[0])}.") from error
    deadline = Deadline(TIMEOUT_SECONDS)
    while not deadline.has_passed():
        try:
            query_topic_state(admin, topic)
        except TopicMissing:
            return
        sleep(0.02)
    raise click.ClickException(f"The cluster accepted the deletion of the topic {topic}, but still lists it.")
