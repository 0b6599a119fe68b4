"""`ordertrail projections`: the projections of a running server and their generations; one file per command."""

import click

from ordertrail_server.cli.lazy_group import LazyGroup

PROJECTION_COMMANDS = {
    "list": "List the projections and their generations.",
    "rebuild": "Build a new generation beside the live one.",
    "compare": "Compare a generation with the live one.",
    "promote": "Make a generation the live one.",
    "rollback": "Make the generation before the live one live again.",
    "drop": "Remove a generation that is not live.",
    "resume": "Start a projection again that has stopped.",
}

EPILOG = """\b
Examples:
  ordertrail projections list
  ordertrail projections rebuild history --promote
  ordertrail projections rollback history"""


@click.command(cls=LazyGroup, modules=__name__, summaries=PROJECTION_COMMANDS, epilog=EPILOG)
def projections() -> None:
    """List, rebuild, compare and promote projections of a running server, while it answers."""
