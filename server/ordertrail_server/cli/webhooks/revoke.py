"""`ordertrail webhooks revoke`: remove a secret from a webhook."""

import click

from ordertrail_server.cli.server_call import FIRST_CONTACT_SECONDS, calls_server
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line

EPILOG = """\\b
Example:
  ordertrail webhooks revoke shop 01a22ecb-cf97-748b-980f-4a4260652a30"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.argument("secret_id")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
@target_option
@calls_server()
async def revoke(name: str, secret_id: str, as_json: bool, target: Target) -> None:
    """Remove a secret, whose id `ordertrail webhooks show` lists. Exits with 1 if it is the only one."""
    async with target.connect() as client:
        await client.reach(FIRST_CONTACT_SECONDS)  # the call is not repeated
        await client.revoke_webhook_secret(name, secret_id)
    outcome = {"name": name, "secretId": secret_id, "isRevoked": True}
    click.echo(json_line(outcome) if as_json else f"Secret {escape(secret_id)} is revoked.")
