"""`ordertrail projections resume`: start a projection again that has stopped."""

import click

from ordertrail_server.cli.projections.projection_argument import projection_argument
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.target import Target, target_option

EPILOG = """\b
Example:
  ordertrail projections resume sales"""


@click.command(epilog=EPILOG)
@projection_argument
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
@target_option
@calls_server()
async def resume(name: str, as_json: bool, target: Target) -> None:
    """Start a projection again that has stopped. It continues where it stopped.

    If the cause remains, it stops again. Exit codes: 0 started, 1 there is none, or it failed.
    """
    from ordertrail_server.cli.value_text import json_line

    async with target.connect() as client:
        await client.resume_projection(name)
    click.echo(json_line({"name": name, "isStarted": True}) if as_json else f"{name} is started again.")
