"""`ordertrail subscriptions`: the durable subscriptions of a running server; one file per command."""

import click

from ordertrail_server.cli.lazy_group import LazyGroup

SUBSCRIPTION_COMMANDS = {
    "list": "List the subscriptions with their lag.",
    "show": "Show one subscription.",
    "create": "Create a subscription.",
    "delete": "Delete a subscription with all that it remembers.",
    "parked": "List the orders that are parked in a subscription.",
    "replay": "Hand out the parked events of an order again.",
    "skip": "Skip the first parked event of an order.",
}

EPILOG = """\b
Examples:
  ordertrail subscriptions create mails --customer shop-1
  ordertrail subscriptions list
  ordertrail subscriptions parked mails"""


@click.command(cls=LazyGroup, modules=__name__, summaries=SUBSCRIPTION_COMMANDS, epilog=EPILOG)
def subscriptions() -> None:
    """Create, list and delete durable subscriptions, and operate their parked orders."""
