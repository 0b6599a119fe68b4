"""`ordertrail subscriptions skip`: skip the first parked event of an order."""

import click

from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line

EPILOG = """\b
Example:
  ordertrail subscriptions skip mails 0193a7c2-order-1 0193a7c4-7b31-0-5"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.argument("order_id")
@click.argument("delivery_id")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
@target_option
@calls_server()
async def skip(name: str, order_id: str, delivery_id: str, as_json: bool, target: Target) -> None:
    """Count the first parked event of an order as done, and hand out those behind it.

    `ordertrail subscriptions parked` shows its delivery id. Exits with 1 if the order is not parked at that event.
    """
    async with target.connect() as client:
        await client.skip_parked(name, order_id, delivery_id)
    outcome = {"name": name, "orderId": order_id, "deliveryId": delivery_id, "isSkipped": True}
    click.echo(json_line(outcome) if as_json else f"{escape(order_id)} is handed out from the event behind it.")
