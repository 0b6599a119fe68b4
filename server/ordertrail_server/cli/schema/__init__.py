"""`ordertrail schema`: versions of stored events; one file per command, as in the folder above."""

import click

from ordertrail_server.cli.lazy_group import LazyGroup

# Name and summary of each command, in the order in which a change needs them.
SCHEMA_COMMANDS = {
    "new": "Create the next version of an event.",
    "check": "Check that every stored event can be read.",
    "lock": "Release stored messages, which then never change.",
    "list": "List the versions of events, with their numbers of records.",
    "explain": "Show how one record is read, rule by rule.",
}

EPILOG = """\b
Example:
  ordertrail schema new OrderPlaced"""


@click.command(cls=LazyGroup, modules=__name__, summaries=SCHEMA_COMMANDS, epilog=EPILOG)
def schema() -> None:
    """Create, check and release versions of stored events, by editing protos."""
