"""`ordertrail schema new`: create the next version of an event."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ordertrail_server.cli.schema.proto_option import proto_option
from ordertrail_server.cli.value_text import error_text, json_line

if TYPE_CHECKING:
    from ordertrail_server.authoring.new_version import NewVersion

EPILOG = """\b
Examples:
  ordertrail schema new OrderPlaced
  ordertrail schema new OrderPlaced --proto proto --json"""

JSON_NAMES = {"copied_types": "copied", "reused_types": "kept"}

NEXT = """\
Next:
1. Edit {file}. A field that keeps its name and type needs no rule. For
   each other field, add a rule:
     renamed or moved    optional string buyer_id = 1 [(ordertrail.evolve.v1.field).from = "customer_id"];
     new, with a value   optional string channel = 7 [(ordertrail.evolve.v1.field).literal = "unknown"];
     new, without one    optional string note = 8 [(ordertrail.evolve.v1.field).absent = true];
     dropped             option (ordertrail.evolve.v1.message).dropped = "source";
   All rules, with examples, are in ordertrail/evolve/v1/rules.proto.
2. make generate
3. ordertrail schema check
4. ordertrail schema lock, when you release the version. It never changes afterwards.
5. Restart the servers: first those that read, then those that write."""


@click.command(epilog=EPILOG)
@click.argument("event")
@proto_option
@click.option("--json", "as_json", is_flag=True, help="Print the created names as one JSON object.")
def new(event: str, proto: Path, as_json: bool) -> None:
    """Copy the newest message of an event, and the types that it uses, into the next version, for you to edit.

    If a version is not released yet, the copy goes into that one. `Record` gets a case for the new message. If one of
    these changes fails, none is made. Exit codes: 0 created, 1 refused.
    """
    from ordertrail_server.authoring.authoring_error import AuthoringError
    from ordertrail_server.authoring.new_version import new_version

    try:
        version = new_version(proto, event)
    except (AuthoringError, OSError) as refusal:
        raise click.ClickException(error_text(refusal)) from None
    click.echo(json_line(_members(version)) if as_json else _describe_version(version, proto))


def _members(version: "NewVersion") -> dict[str, Any]:
    members = version._asdict()
    return {JSON_NAMES.get(name, name): value for name, value in members.items()}


def _describe_version(version: "NewVersion", proto: Path) -> str:
    lines = [f"Created {version.message} in {proto / version.file}, a copy of {version.predecessor}."]
    if version.copied_types:
        lines.append(f"Copied with it: {', '.join(version.copied_types)}.")
    if version.reused_types:
        lines.append(f"Used unchanged, because they exist already: {', '.join(version.reused_types)}.")
    lines.append(f"Added {version.case} = {version.number} to Record in {proto / version.record_file}.")
    return "\n".join([*lines, "", NEXT.format(file=proto / version.file)])
