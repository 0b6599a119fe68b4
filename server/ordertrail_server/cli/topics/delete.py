"""`ordertrail topics delete`: the end of a log."""

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

SECONDS = 10.0
EPILOG = f"""\b
Examples:
  ordertrail topics delete --bootstrap kafka:9092
  ordertrail topics delete --bootstrap kafka:9092 --topic orders.eu --yes

{LIBRDKAFKA}"""


@click.command(epilog=EPILOG)
@bootstrap_option()
@topic_option
@click.option("--yes", is_flag=True, help="Do it. Without, only what would be lost is said.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: the topic, and how many records it held.")
def delete(bootstrap: str, topic: str, yes: bool, as_json: bool) -> None:
    """Delete a topic for ever, with every fact on it; without --yes nothing is deleted, and what would be lost is said.

    Exit codes: 0 deleted, 1 not.
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
        f"Nothing was deleted. The topic {topic} (partitions: {len(counts)}) holds {sum(counts):,} records. With it "
        "all facts of all its orders are lost for ever, and every token and receipt of them means nothing any more; "
        "servers that work on it stop. `ordertrail log copy --help` says how to keep a copy. With --yes it is deleted."
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
            ends = [query_watermarks(consumer, topic, partition, SECONDS) for partition in range(partitions)]
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
        admin.delete_topics([topic], operation_timeout=SECONDS)[topic].result()
    except KafkaException as error:
        raise click.ClickException(f"The topic {topic} was not deleted: {describe_error(error.args[0])}.") from error
    deadline = Deadline(SECONDS)
    while not deadline.has_passed():
        try:
            query_topic_state(admin, topic)
        except TopicMissing:
            return
        sleep(0.02)
    raise click.ClickException(f"The cluster took the order to delete the topic {topic}, and still shows it.")
