"""`ordertrail topics`: the Kafka topic of a log; one file per command, as in the folder above."""

import click

from ordertrail_server.cli.lazy_group import LazyGroup

TOPIC_COMMANDS = {
    "create": "Create a topic that can hold a log.",
    "check": "Check whether a topic can hold a log, and how to repair it.",
    "delete": "Delete a topic and all facts on it.",
}

EPILOG = """\b
Examples:
  ordertrail topics create --bootstrap kafka:9092 --partitions 1 --replicas 1
  ordertrail topics check --bootstrap kafka:9092"""


@click.command(cls=LazyGroup, modules=__name__, summaries=TOPIC_COMMANDS, epilog=EPILOG)
def topics() -> None:
    """Create, check and delete the Kafka topic of a log."""
