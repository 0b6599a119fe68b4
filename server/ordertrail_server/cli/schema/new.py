"""`ordertrail schema new`: the next version of an event."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.schema.proto_option import proto_option
from ordertrail_server.cli.value_text import json_line

if TYPE_CHECKING:
    from ordertrail_server.authoring.new_version import NewVersion

EPILOG = """\b
Examples:
  ordertrail schema new OrderPlaced
  ordertrail schema new OrderPlaced --proto proto --json"""

NEXT = """\
Next:
1. Edit {file}. What keeps its name and type reads by itself; of the rest,
   say where it comes from:
     renamed or moved    optional string buyer_id = 1 [(ordertrail.evolve.v1.field).from = "customer_id"];
     new, with a value   optional string channel = 7 [(ordertrail.evolve.v1.field).literal = "unknown"];
     new, else absent    optional string note = 8 [(ordertrail.evolve.v1.field).absent = true];
     given up            option (ordertrail.evolve.v1.message).dropped = "source";
   All rules stand in ordertrail/evolve/v1/rules.proto, with an example each.
2. make generate
3. ordertrail schema check
4. ordertrail schema lock, once it is to be released: from then on it never changes.
5. Restart the servers: those that read before those that write."""


@click.command(epilog=EPILOG)
@click.argument("event")
@proto_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object of what was made.")
def new(event: str, proto: Path, as_json: bool) -> None:
    """Copy an event's newest message, and the types it uses, into the next version, for you to edit.

    That is the version that is not released yet, if there is one. `Record` gets a case for the new message. Either all
    of this is done or nothing is changed. Exit codes: 0 made, 1 not.
    """
    from ordertrail_server.authoring.authoring_error import AuthoringError
    from ordertrail_server.authoring.new_version import new_version

    try:
        version = new_version(proto, event)
    except (AuthoringError, OSError) as refusal:
        raise click.ClickException(str(refusal)) from None
    click.echo(json_line(version._asdict()) if as_json else _describe_version(version, proto))


def _describe_version(version: "NewVersion", proto: Path) -> str:
    lines = [f"Made {version.message} in {proto / version.file}, a copy of {version.predecessor}."]
    if version.copied:
        lines.append(f"Copied with it: {', '.join(version.copied)}.")
    if version.kept:
        lines.append(f"Stood there already, and is used as it is: {', '.join(version.kept)}.")
    lines.append(f"Added {version.case} = {version.number} to Record in {proto / version.record_file}.")
    return "\n".join([*lines, "", NEXT.format(file=proto / version.file)])
