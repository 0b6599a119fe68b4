"""`ordertrail parked`: orders with facts that cannot be read; one file per command, as in the folder above."""

import click

from ordertrail_server.cli.lazy_group import LazyGroup

PARKED_COMMANDS = {
    "list": "List the parked orders.",
    "show": "Show why an order is parked, and its waiting facts.",
    "retry": "Read the waiting facts of an order again.",
}

EPILOG = """\b
Examples:
  ordertrail parked list
  ordertrail parked show 0193a7c2-order-1
  ordertrail parked retry 0193a7c2-order-1"""


@click.command(cls=LazyGroup, modules=__name__, summaries=PARKED_COMMANDS, epilog=EPILOG)
def parked() -> None:
    """List, show and retry parked orders: they have facts that cannot be read, or a broken chain."""
