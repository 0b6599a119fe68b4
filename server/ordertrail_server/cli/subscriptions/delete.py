"""`ordertrail subscriptions delete`: delete a subscription."""

import click

from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line

EPILOG = """\b
Example:
  ordertrail subscriptions delete mails"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
@target_option
@calls_server()
async def delete(name: str, as_json: bool, target: Target) -> None:
    """Delete a subscription: its position and its parked orders are forgotten, and its consumers are disconnected.

    Exits with 1 if there is none of this name.
    """
    async with target.connect() as client:
        await client.delete_subscription(name)
    outcome = {"name": name, "isDeleted": True}
    click.echo(json_line(outcome) if as_json else f"Subscription {escape(name)} is deleted.")
