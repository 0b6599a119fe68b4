"""`ordertrail topics delete`: delete a topic and every fact on it."""

from collections.abc import Sequence
from contextlib import closing
from time import sleep
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.kafka_log import kafka_settings, report_log_errors
from ordertrail_server.cli.log_option import LIBRDKAFKA, bootstrap_option, topic_option
from ordertrail_server.cli.value_text import json_line
from ordertrail_server.log.deadline import Deadline

if TYPE_CHECKING:
    from ordertrail_server.log.kafka.settings import Value

TIMEOUT_SECONDS = 10.0
EPILOG = f"""\b
Examples:
  ordertrail topics delete --bootstrap kafka:9092
  ordertrail topics delete --bootstrap kafka:9092 --topic orders.eu --yes

{LIBRDKAFKA}"""


@click.command(epilog=EPILOG)
@bootstrap_option()
@topic_option
@click.option("--yes", is_flag=True, help="Delete the topic.")
@click.option("--json", "as_json", is_flag=True, help="Print the topic and its number of records as one JSON object.")
def delete(bootstrap: str, topic: str, yes: bool, as_json: bool) -> None:
    """Delete a topic and every fact on it, for ever. Without --yes, only report what would be lost.

    Exit codes: 0 deleted, 1 not deleted.
    """
    settings = kafka_settings(bootstrap)
    with report_log_errors():
        counts = _count_records(settings, topic)
        if not yes:
            raise click.ClickException(_describe_loss(topic, counts))
        _delete_topic(settings, topic)
    if as_json:
        click.echo(json_line({"topic": topic, "deleted": True, "records": sum(counts)}))
    else:
        click.echo(f"Deleted the topic {topic}, which held {sum(counts):,} records.")


def _describe_loss(topic: str, counts: Sequence[int]) -> str:
    return (
        f"Nothing was deleted. The topic {topic} (partitions: {len(counts)}) holds {sum(counts):,} records. Its "
        "deletion destroys all facts of its orders for ever, makes their tokens and receipts useless, and stops the "
        "servers that use it. `ordertrail log copy` makes a copy. To delete the topic, add --yes."
    )


def _count_records(settings: "dict[str, Value]", topic: str) -> list[int]:
    """Return the number of offsets of each partition."""
    from confluent_kafka import Consumer, KafkaException

    from ordertrail_server.log.kafka.errors import describe_error
    from ordertrail_server.log.kafka.offset_queries import query_watermarks
    from ordertrail_server.log.kafka.settings import create_client, reader_settings
    from ordertrail_server.log.kafka.topic import describe_topic
    from ordertrail_server.log.port import LogUnavailable

    partitions = len(describe_topic(settings, topic).replicas)
    try:
        with closing(create_client(Consumer, reader_settings(settings))) as consumer:
            ends = [query_watermarks(consumer, topic, partition, TIMEOUT_SECONDS) for partition in range(partitions)]
    except KafkaException as error:
        raise LogUnavailable(f"the cluster did not answer: {describe_error(error.args[0])}") from error
    return [end - first for first, end in ends]


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
