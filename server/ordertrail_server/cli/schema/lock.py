"""`ordertrail schema lock`: release stored messages, which then never change."""

from pathlib import Path

import click

from ordertrail_server.cli.schema.check import find_gaps
from ordertrail_server.cli.schema.proto_option import proto_option
from ordertrail_server.cli.value_text import json_line

EPILOG = """\b
Example:
  make generate
  ordertrail schema lock
  git add proto/schema.lock"""


@click.command(epilog=EPILOG)
@proto_option
@click.option("--json", "as_json", is_flag=True, help="Print the added names as one JSON object.")
def lock(proto: Path, as_json: bool) -> None:
    """Release stored messages: add those that are missing to proto/schema.lock, as declared in the generated code.

    Existing entries stay as they are. If `ordertrail schema check` finds a problem, nothing is added. Exit codes: 0 all
    messages are locked, 1 refused.
    """
    from ordertrail.log.v1.record_pb2 import Record
    from ordertrail_server.schema.lock.lock_file import LOCK_NAME, append_unlocked, unlocked_names

    # The lock records the generated code for ever, so the code must agree with the protos.
    if gaps := find_gaps(proto, may_lack_lock=True):
        raise click.ClickException("\n".join(["Nothing was locked:", *(f"- {gap}" for gap in gaps)]))
    path, record = proto / LOCK_NAME, Record.DESCRIPTOR
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    added = unlocked_names(record, text)
    if added:
        _replace(path, append_unlocked(record, text))
    report = "\n".join(f"locked {name}" for name in added) or "Nothing to add: all messages are locked."
    click.echo(json_line({"locked": added}) if as_json else report)


def _replace(path: Path, text: str) -> None:
    # Replace the file in one step: a truncated lock would have to be repaired by hand.
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8", newline="\n")
    new.replace(path)
