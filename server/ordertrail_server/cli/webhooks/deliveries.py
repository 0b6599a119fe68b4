"""`ordertrail webhooks deliveries`: list the deliveries of a webhook."""

from contextlib import aclosing

import click

from ordertrail_server.cli.limit_option import limit_options, report_truncation, resolve_limit
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import json_line
from ordertrail_server.cli.webhooks.webhook_text import DELIVERY_HEADINGS, delivery_row

EPILOG = """\\b
Examples:
  ordertrail webhooks deliveries shop
  ordertrail webhooks deliveries shop --failed --json"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option("--order", "order_id", metavar="ID", default="", help="Only deliveries of this order.")
@click.option("--failed", is_flag=True, help="Only deliveries whose last attempt failed.")
@limit_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per delivery, with its last attempts.")
@target_option
@calls_server()
async def deliveries(
    name: str, order_id: str, failed: bool, limit: int, show_all: bool, as_json: bool, target: Target
) -> None:
    """List the deliveries that a webhook remembers, newest first: unfinished ones, and the last 200 others."""
    limit = resolve_limit(limit, show_all)
    rows: list[tuple[str, ...]] = []
    async with (
        target.connect() as client,
        aclosing(client.webhook_deliveries(name, order_id=order_id, failed=failed)) as log,
    ):
        async for delivery in log:
            if len(rows) == limit:
                report_truncation(limit)
                break
            rows.append(delivery_row(delivery))
            if as_json:
                click.echo(json_line(delivery))
    if not as_json:
        print_table(DELIVERY_HEADINGS, rows, numbers=("Attempts",))
