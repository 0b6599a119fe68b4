"""`ordertrail topics`: the Kafka topics of a log; one file per command, as in the folder above."""

import click

from ordertrail_server.cli.lazy_group import LazyGroup

TOPIC_COMMANDS = {
    "create": "Create the topics of a log.",
    "check": "Check whether the topics can hold a log, and how to repair them.",
    "delete": "Delete the topics and all facts on them.",
}

EPILOG = """\b
Examples:
  ordertrail topics create --bootstrap kafka:9092 --partitions 1 --replicas 1
  ordertrail topics check --bootstrap kafka:9092"""


@click.command(cls=LazyGroup, modules=__name__, summaries=TOPIC_COMMANDS, epilog=EPILOG)
def topics() -> None:
    """Create, check and delete the Kafka topics of a log: of events, submitted commands and subscriptions."""
