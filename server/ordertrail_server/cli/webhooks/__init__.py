"""`ordertrail webhooks`: subscriptions that post their events to a URL; one file per command."""

import click

from ordertrail_server.cli.lazy_group import LazyGroup

WEBHOOK_COMMANDS = {
    "create": "Create a subscription with a webhook, and print its secret.",
    "show": "Show a webhook with its state and its secrets.",
    "update": "Change the URL or the limits of a webhook.",
    "rotate": "Add a secret to a webhook, and print it.",
    "revoke": "Remove a secret from a webhook.",
    "deliveries": "List the deliveries of a webhook, newest first.",
    "redeliver": "Post a delivery once more.",
}

EPILOG = """\\b
Examples:
  ordertrail webhooks create shop https://shop.example/orders
  ordertrail webhooks deliveries shop --failed
  ordertrail webhooks rotate shop

`ordertrail subscriptions` lists and deletes webhooks too, and operates their parked orders."""


@click.command(cls=LazyGroup, modules=__name__, summaries=WEBHOOK_COMMANDS, epilog=EPILOG)
def webhooks() -> None:
    """Create and operate subscriptions that post their events to a URL."""
