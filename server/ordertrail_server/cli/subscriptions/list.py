"""`ordertrail subscriptions list`: list the subscriptions with their lag."""

from contextlib import aclosing

import click

from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.subscriptions.subscription_text import HEADINGS, NUMBERS, subscription_row
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import json_line

EPILOG = """\b
Examples:
  ordertrail subscriptions list
  ordertrail subscriptions list --json"""


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per subscription.")
@target_option
@calls_server()
async def list(as_json: bool, target: Target) -> None:
    """List all subscriptions.

    Lag is the number of records behind the saved position, and the age of the oldest event that is not done.
    """
    rows = []
    async with target.connect() as client, aclosing(client.subscriptions()) as subscriptions:
        async for subscription in subscriptions:
            if as_json:
                click.echo(json_line(subscription))
            rows.append(subscription_row(subscription))
    if not as_json:
        print_table(HEADINGS, rows, numbers=NUMBERS)
