"""`ordertrail commands reject`: refuse a command that has no outcome."""

import click

from ordertrail_server.cli.commands.command_text import command_line
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import json_line

EPILOG = """\b
Example:
  ordertrail commands reject $ID --reason "wrong shop"

Exit codes: 0 rejected, 1 it had another outcome before, or the call failed, 2
wrong usage."""


@click.command(epilog=EPILOG)
@click.argument("command_id")
@click.option("--reason", metavar="TEXT", required=True, help="Why: it becomes the message of the refusal.")
@click.option("--json", "as_json", is_flag=True, help="Print the command as one JSON object.")
@target_option
@calls_server()
async def reject(command_id: str, reason: str, as_json: bool, target: Target) -> None:
    """Refuse a pending or stopped command, so that later commands of its order are decided.

    An outcome never changes: a command that has one keeps it, and is shown with it.
    """
    from ordertrail.errors import from_status

    async with target.connect() as client:
        command = await client.reject_command(command_id, reason)
    click.echo(json_line(command) if as_json else command_line(command))
    if not command.HasField("refusal") or from_status(command.refusal).reason != "COMMAND_REJECTED":
        raise click.exceptions.Exit(1)
