"""`ordertrail parked`: orders that could not be read; one file per command, as in the folder above."""

import click

from ordertrail_server.cli.lazy_group import LazyGroup

PARKED_COMMANDS = {
    "list": "List the orders that are parked.",
    "show": "Show why an order is parked, and what waits.",
    "retry": "Read what waits of an order once more.",
}

EPILOG = """\b
Examples:
  ordertrail parked list
  ordertrail parked show 0193a7c2-order-1
  ordertrail parked retry 0193a7c2-order-1"""


@click.command(cls=LazyGroup, modules=__name__, summaries=PARKED_COMMANDS, epilog=EPILOG)
def parked() -> None:
    """List, show and retry orders whose facts could not be read, or whose chain is broken."""
