"""`ordertrail subscriptions show`: show one subscription."""

import click

from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.subscriptions.subscription_text import HEADINGS, NUMBERS, subscription_row
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import json_line

EPILOG = """\b
Examples:
  ordertrail subscriptions show mails
  ordertrail subscriptions show mails --json"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with filter and limits.")
@target_option
@calls_server()
async def show(name: str, as_json: bool, target: Target) -> None:
    """Show a subscription. Exits with 1 if there is none of this name."""
    async with target.connect() as client:
        subscription = await client.subscription(name)
    if as_json:
        click.echo(json_line(subscription))
    else:
        print_table(HEADINGS, [subscription_row(subscription)], numbers=NUMBERS)
