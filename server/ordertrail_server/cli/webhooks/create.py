"""`ordertrail webhooks create`: create a subscription with a webhook."""

from typing import Any

import click

from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.subscriptions.event_choice import event_arguments, event_options
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line
from ordertrail_server.cli.webhooks.limit_options import attempt_options

EPILOG = """\\b
Examples:
  ordertrail webhooks create shop https://shop.example/orders
  ordertrail webhooks create shop https://shop.example/orders --type order-shipped --now
  ordertrail webhooks create shop https://shop.example/orders --customer shop-1 --ed25519"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.argument("url")
@event_options
@attempt_options
@click.option("--ed25519", is_flag=True, help="Sign with Ed25519 too, beside HMAC.")
@click.option("--json", "as_json", is_flag=True, help="Print subscription and secret as one JSON object.")
@target_option
@calls_server()
async def create(
    name: str,
    url: str,
    attempt_seconds: float | None,
    max_in_flight: int | None,
    max_attempts: int | None,
    ed25519: bool,
    as_json: bool,
    target: Target,
    **choice: Any,
) -> None:
    """Create a subscription that posts its events to URL, and print its secret, which is not shown again.

    If an equal one exists, nothing changes. Exits with 1 if another subscription has this name.
    """
    arguments = event_arguments(**choice)
    async with target.connect() as client:
        response = await client.create_webhook(
            name,
            url,
            sign_with_ed25519=ed25519,
            attempt_seconds=attempt_seconds or 0.0,
            max_in_flight=max_in_flight or 0,
            max_attempts=max_attempts or 0,
            **arguments,
        )
    if as_json:
        click.echo(json_line(response))
    elif response.webhook_secret:
        click.echo(
            f"Webhook {escape(name)} is created. Its secret, which is not shown again: {response.webhook_secret}"
        )
    else:
        click.echo(f"Webhook {escape(name)} exists.")
