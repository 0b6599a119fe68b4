"""`ordertrail webhooks rotate`: add a secret to a webhook."""

import click

from ordertrail_server.cli.server_call import FIRST_CONTACT_SECONDS, calls_server
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line

EPILOG = """\\b
Example:
  ordertrail webhooks rotate shop"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the secret as one JSON object.")
@target_option
@calls_server()
async def rotate(name: str, as_json: bool, target: Target) -> None:
    """Add a secret to a webhook, and print it; it is not shown again.

    Attempts are signed with all secrets. Give the new one to the receiver, then revoke the old one.
    """
    async with target.connect() as client:
        await client.reach(FIRST_CONTACT_SECONDS)  # the call is not repeated
        response = await client.rotate_webhook_secret(name)
    text = (
        f"Webhook {escape(name)} has another secret, {response.secret.id}, which is not shown again: {response.value}"
    )
    click.echo(json_line(response) if as_json else text)
