"""`ordertrail commands`: submitted commands and their outcomes; one file per command, as in the folder above."""

import click

from ordertrail_server.cli.lazy_group import LazyGroup

SUBMITTED_COMMANDS = {
    "list": "List submitted commands.",
    "show": "Show a submitted command with its outcome.",
    "watch": "Wait for the outcome of a submitted command.",
    "retry": "Have a stopped command decided again.",
    "reject": "Refuse a command that has no outcome.",
}

EPILOG = """\b
Examples:
  ordertrail commands list --order 0193a7c2-order-1
  ordertrail commands list --state stopped
  ordertrail commands watch 6d129153-c0c5-883e-87c9-62ee8d149278"""


@click.command(cls=LazyGroup, modules=__name__, summaries=SUBMITTED_COMMANDS, epilog=EPILOG)
def commands() -> None:
    """List, show, watch, retry and reject submitted commands."""
