"""`ordertrail topics create`: create a topic whose settings keep every fact."""

from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.kafka_log import kafka_settings, report_log_errors
from ordertrail_server.cli.log_option import LIBRDKAFKA, bootstrap_option, topic_option
from ordertrail_server.cli.topics.topic_text import is_safe, report_json, report_text
from ordertrail_server.cli.value_text import json_line
from ordertrail_server.log.position import MAX_PARTITIONS

if TYPE_CHECKING:
    from ordertrail_server.log.kafka.findings import Topic
    from ordertrail_server.log.kafka.settings import Value

EPILOG = f"""\b
Examples:
  ordertrail topics create --bootstrap kafka:9092 --partitions 12
  ordertrail topics create --bootstrap kafka:9092 --replicas 1 --if-missing

{LIBRDKAFKA}"""


@click.command(epilog=EPILOG)
@bootstrap_option()
@topic_option
@click.option(
    "--partitions",
    type=click.IntRange(1, MAX_PARTITIONS),
    default=3,
    show_default=True,
    metavar="N",
    help="The number of partitions, which can never change. A log copied from a data directory needs 1.",
)
@click.option(
    "--replicas",
    type=click.IntRange(1, 32767),
    default=3,
    show_default=True,
    metavar="N",
    help="How many brokers store each partition. Of 3, 2 must have a fact before it is acknowledged.",
)
@click.option("--if-missing", is_flag=True, help="If the topic exists, only check it and its number of partitions.")
@click.option("--json", "as_json", is_flag=True, help="Print the topic and each finding as one JSON object.")
def create(bootstrap: str, topic: str, partitions: int, replicas: int, if_missing: bool, as_json: bool) -> None:
    """Create an empty topic from which Kafka never removes a record, and check it.

    It has cleanup.policy=delete, unlimited retention, and no election of a leader that lags behind. Exit codes: 0
    created, 1 failed, for example because the topic exists.
    """
    from ordertrail_server.log.kafka.findings import inspect_topic
    from ordertrail_server.log.kafka.topic import describe_topic

    settings = kafka_settings(bootstrap)
    with report_log_errors():
        is_new = not (if_missing and _topic_exists(settings, topic))
        if is_new:
            _create_topic(settings, topic, partitions, replicas)
        description = describe_topic(settings, topic)
    results = inspect_topic(description)
    click.echo(
        json_line({**report_json(description, results), "made": is_new})
        if as_json
        else report_text(description, results)
    )
    if not is_new:
        _check_partition_count(description, partitions)
    if not is_safe(results):
        raise click.exceptions.Exit(1)


def _topic_exists(settings: "dict[str, Value]", topic: str) -> bool:
    from ordertrail_server.log.kafka.topic import TopicMissing, describe_topic

    try:
        describe_topic(settings, topic)
    except TopicMissing:
        return False
    return True


def _create_topic(settings: "dict[str, Value]", topic: str, partitions: int, replicas: int) -> None:
    from ordertrail_server.log.kafka.topic import TopicRefused, create_topic

    try:
        create_topic(settings, topic, partitions=partitions, replicas=replicas)
    except TopicRefused as refusal:
        too_few_brokers = "INVALID_REPLICATION_FACTOR" in str(refusal)
        hint = (
            " The cluster has fewer brokers than replicas; --replicas 1 is enough for development."
            if too_few_brokers
            else ""
        )
        raise click.ClickException(f"{refusal}{hint}") from None


def _check_partition_count(description: "Topic", partitions: int) -> None:
    if len(description.replicas) != partitions:
        raise click.ClickException(
            f"The topic {description.name} exists, but its number of partitions is {len(description.replicas)} and not "
            f"{partitions}."
        )
