"""`ordertrail subscriptions replay`: hand out the parked events of an order again."""

import click

from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line

EPILOG = """\b
Example:
  ordertrail subscriptions replay mails 0193a7c2-order-1"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.argument("order_id")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
@target_option
@calls_server()
async def replay(name: str, order_id: str, as_json: bool, target: Target) -> None:
    """Hand out the parked events of an order again, in order. Exits with 1 if the order is not parked."""
    async with target.connect() as client:
        await client.replay_parked(name, order_id)
    outcome = {"name": name, "orderId": order_id, "isReplaying": True}
    click.echo(json_line(outcome) if as_json else f"{escape(order_id)} is handed out again.")
