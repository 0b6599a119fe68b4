"""`ordertrail parked show`: show why an order is parked, and its waiting facts."""

import click

from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line

HEADINGS = ("Record", "Version", "Digest", "Reason")
EPILOG = """\b
Examples:
  ordertrail parked show 0193a7c2-order-1
  ordertrail parked show 0193a7c2-order-1 --json"""


@click.command(epilog=EPILOG)
@click.argument("order_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@target_option
@calls_server()
async def show(order_id: str, as_json: bool, target: Target) -> None:
    """Show why an order is parked, and its first thousand waiting facts.

    Exits with 1 if it is not parked.
    """
    async with target.connect() as client:
        parked = await client.parked_order(order_id)
    if as_json:
        click.echo(json_line(parked))
        return
    order = parked.order
    click.echo(f"{escape(order.order_id)} is parked after version {order.version}: {escape(order.reason)}.")
    rows = [
        (
            f"{event.position.partition}:{event.position.offset}",
            str(event.order_version),
            event.digest.hex(),
            event.reason,
        )
        for event in parked.waiting
    ]
    print_table(HEADINGS, rows, numbers=("Version",))
    if order.waiting_count > len(rows):
        click.echo(f"{order.waiting_count - len(rows):,} more facts wait.", err=True)
