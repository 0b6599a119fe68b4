"""`ordertrail commands show`: show a submitted command with its outcome."""

import click

from ordertrail_server.cli.commands.command_text import detail_rows
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import json_line

EPILOG = """\b
Examples:
  ordertrail commands show 6d129153-c0c5-883e-87c9-62ee8d149278
  ordertrail commands show 6d129153-c0c5-883e-87c9-62ee8d149278 --json"""


@click.command(epilog=EPILOG)
@click.argument("command_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@target_option
@calls_server()
async def show(command_id: str, as_json: bool, target: Target) -> None:
    """Show a submitted command: what it asks for, its state, and its outcome.

    Exits with 1 if the server knows no such command.
    """
    async with target.connect() as client:
        command = await client.get_command(command_id)
    if as_json:
        click.echo(json_line(command))
    else:
        print_table(("Field", "Value"), detail_rows(command))
