"""`ordertrail commands watch`: wait for the outcome of a submitted command."""

import click

from ordertrail_server.cli.commands.command_text import command_line
from ordertrail_server.cli.commands.outcome import wait_for_outcome
from ordertrail_server.cli.server_call import FIRST_CONTACT_SECONDS, calls_server
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import json_line

EPILOG = """\b
Examples:
  ordertrail commands watch 6d129153-c0c5-883e-87c9-62ee8d149278
  ordertrail commands watch 6d129153-c0c5-883e-87c9-62ee8d149278 --json

Exit codes: 0 accepted, 1 refused, or the call failed, 2 wrong usage."""


@click.command(epilog=EPILOG)
@click.argument("command_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per state of the command.")
@target_option
@calls_server()
async def watch(command_id: str, as_json: bool, target: Target) -> None:
    """Show each state of a submitted command until it has an outcome.

    Continues after a restart of the server. Ctrl-C ends it; the command stays as it is.
    """
    async with target.connect() as client:
        await client.reach(FIRST_CONTACT_SECONDS)
        command = await wait_for_outcome(
            client, command_id, lambda state: click.echo(json_line(state) if as_json else command_line(state))
        )
    if command.HasField("refusal"):
        raise click.exceptions.Exit(1)
