"""`ordertrail webhooks update`: change a webhook."""

import click

from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line
from ordertrail_server.cli.webhooks.limit_options import attempt_options

EPILOG = """\\b
Examples:
  ordertrail webhooks update shop --url https://shop.example/new-orders
  ordertrail webhooks update shop --attempt-seconds 30 --max-in-flight 10"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option("--url", metavar="URL", help="The new URL. A disabled webhook posts again, even if the URL is the same.")
@attempt_options
@click.option("--json", "as_json", is_flag=True, help="Print the subscription as one JSON object.")
@target_option
@calls_server()
async def update(
    name: str,
    url: str | None,
    attempt_seconds: float | None,
    max_in_flight: int | None,
    max_attempts: int | None,
    as_json: bool,
    target: Target,
) -> None:
    """Change the URL or the limits of a webhook. Deliveries that wait for another attempt use the new values."""
    if (url, attempt_seconds, max_in_flight, max_attempts) == (None,) * 4:
        raise click.UsageError("Name at least one option to change.")
    async with target.connect() as client:
        subscription = await client.update_webhook(
            name,
            url=url,
            attempt_seconds=attempt_seconds,
            max_in_flight=max_in_flight,
            max_attempts=max_attempts,
        )
    click.echo(json_line(subscription) if as_json else f"Webhook {escape(name)} is changed.")
