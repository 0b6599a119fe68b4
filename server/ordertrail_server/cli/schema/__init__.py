"""`ordertrail schema`: how stored events evolve; one file per command, as in the folder above."""

import click

from ordertrail_server.cli.lazy_group import LazyGroup

# In the order of a change: the name, and its line in the list of commands.
SCHEMA_COMMANDS = {
    "new": "Begin the next version of an event.",
    "check": "Check that every stored event has a reading.",
    "lock": "Release what is stored: from then on it never changes.",
    "list": "Show the versions of events, and how many records of each there are.",
    "explain": "Show how one record is read, rule by rule.",
}

EPILOG = """\b
Example:
  ordertrail schema new OrderPlaced"""


@click.command(cls=LazyGroup, modules=__name__, summaries=SCHEMA_COMMANDS, epilog=EPILOG)
def schema() -> None:
    """Change what events are stored as, by their protos alone."""
