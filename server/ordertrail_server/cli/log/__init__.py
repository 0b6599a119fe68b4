"""`ordertrail log`: operations on a whole log; one file per command, as in the folder above."""

import click

from ordertrail_server.cli.lazy_group import LazyGroup

LOG_COMMANDS = {
    "copy": "Copy a log between a data directory and a Kafka topic.",
}

EPILOG = """\b
Examples:
  ordertrail log copy --data ./data --bootstrap 127.0.0.1:9092 --to topic
  ordertrail log copy --data ./backup --bootstrap 127.0.0.1:9092 --to data"""


@click.command(cls=LazyGroup, modules=__name__, summaries=LOG_COMMANDS, epilog=EPILOG)
def log() -> None:
    """Copy a log, record for record."""
