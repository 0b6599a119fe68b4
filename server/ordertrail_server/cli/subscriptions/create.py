"""`ordertrail subscriptions create`: create a subscription."""

from typing import Any

import click

from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.subscriptions.event_choice import event_arguments, event_options
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line

EPILOG = """\b
Examples:
  ordertrail subscriptions create mails
  ordertrail subscriptions create mails --type order-shipped --now
  ordertrail subscriptions create mails --customer shop-1 --max-attempts 3"""


@click.command(epilog=EPILOG)
@click.argument("name")
@event_options
@click.option(
    "--max-attempts",
    metavar="N",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="How often an event is handed out before its order is parked.",
)
@click.option(
    "--acknowledge-seconds",
    metavar="SECONDS",
    type=click.FloatRange(1, 86_400),
    default=60.0,
    show_default=True,
    help="How long a consumer may take for an event.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the subscription as one JSON object.")
@target_option
@calls_server()
async def create(
    name: str,
    max_attempts: int,
    acknowledge_seconds: float,
    as_json: bool,
    target: Target,
    **choice: Any,
) -> None:
    """Create a subscription. If an equal one exists, nothing changes.

    Exits with 1 if another subscription has this name.
    """
    arguments = event_arguments(**choice)
    async with target.connect() as client:
        subscription = await client.create_subscription(
            name,
            max_attempts=max_attempts,
            acknowledge_seconds=acknowledge_seconds,
            **arguments,
        )
    click.echo(json_line(subscription) if as_json else f"Subscription {escape(name)} exists.")
