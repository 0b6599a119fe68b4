"""`ordertrail webhooks redeliver`: post a delivery once more."""

import click

from ordertrail_server.cli.server_call import FIRST_CONTACT_SECONDS, calls_server
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line
from ordertrail_server.cli.webhooks.webhook_text import attempt_text

EPILOG = """\\b
Example:
  ordertrail webhooks redeliver shop 01a22ecb-cf97-748b-980f-4a4260652a30-0-512"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.argument("delivery_id")
@click.option("--json", "as_json", is_flag=True, help="Print the attempt as one JSON object.")
@target_option
@calls_server()
async def redeliver(name: str, delivery_id: str, as_json: bool, target: Target) -> None:
    """Post a finished delivery once more, with the same id and body. Exits with 1 if that fails."""
    async with target.connect() as client:
        await client.reach(FIRST_CONTACT_SECONDS)  # the call is not repeated
        attempt = await client.redeliver(name, delivery_id)
    click.echo(json_line(attempt) if as_json else f"{escape(delivery_id)}: {escape(attempt_text(attempt))}")
    if not 200 <= attempt.status < 300:
        raise click.exceptions.Exit(1)
