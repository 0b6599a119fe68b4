"""`ordertrail webhooks show`: show one webhook."""

import click

from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line
from ordertrail_server.cli.webhooks.webhook_text import SECRET_HEADINGS, WEBHOOK_HEADINGS, secret_row, webhook_row

EPILOG = """\\b
Examples:
  ordertrail webhooks show shop
  ordertrail webhooks show shop --json"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the subscription as one JSON object.")
@target_option
@calls_server()
async def show(name: str, as_json: bool, target: Target) -> None:
    """Show a webhook, and its secrets without their values. Exits with 1 if there is none of this name."""
    async with target.connect() as client:
        subscription = await client.subscription(name)
    if not subscription.HasField("webhook"):
        raise click.ClickException(f"Subscription {escape(name)} has no webhook.")
    if as_json:
        click.echo(json_line(subscription))
        return
    print_table(WEBHOOK_HEADINGS, [webhook_row(subscription)])
    print_table(SECRET_HEADINGS, [secret_row(secret) for secret in subscription.webhook.secrets])
