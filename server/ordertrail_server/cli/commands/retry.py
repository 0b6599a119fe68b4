"""`ordertrail commands retry`: have a stopped command decided again."""

import click

from ordertrail_server.cli.commands.command_text import command_line, state_text
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import json_line

EPILOG = """\b
Example:
  ordertrail commands retry 6d129153-c0c5-883e-87c9-62ee8d149278"""


@click.command(epilog=EPILOG)
@click.argument("command_id")
@click.option("--json", "as_json", is_flag=True, help="Print the command as one JSON object.")
@target_option
@calls_server()
async def retry(command_id: str, as_json: bool, target: Target) -> None:
    """Have a stopped command decided again, and show it as it is then.

    A command that is not stopped is not changed. Exit codes: 0 the command waits for its decision, or is decided, 1 it
    is stopped again, or the call failed.
    """
    async with target.connect() as client:
        command = await client.retry_command(command_id)
    click.echo(json_line(command) if as_json else command_line(command))
    if state_text(command) == "stopped":
        raise click.exceptions.Exit(1)
