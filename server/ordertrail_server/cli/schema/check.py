"""`ordertrail schema check`: check that every stored event can be read."""

from pathlib import Path

import click

from ordertrail_server.cli.schema.proto_option import proto_option
from ordertrail_server.cli.value_text import json_line

EPILOG = """\b
Example:
  make generate
  ordertrail schema check"""


@click.command(epilog=EPILOG)
@proto_option
@click.option(
    "--json", "as_json", is_flag=True, help="Print the problems and the unreleased messages as one JSON object."
)
def check(proto: Path, as_json: bool) -> None:
    """Run the checks of a server's start, and check that no proto was edited after the code was generated.

    Every stored event must convert to the public event without loss, and released messages must be unchanged. A field
    that a command got after the last release must have a higher number than the others. Each problem is printed with
    its remedy. Exit codes: 0 no problems, 1 problems.
    """
    from ordertrail.log.v1.record_pb2 import Record
    from ordertrail_server.schema.lock.lock_file import LOCK_NAME, unlocked_names

    gaps, unreleased = find_gaps(proto, may_lack_lock=False), []
    if not gaps:
        unreleased = unlocked_names(Record.DESCRIPTOR, (proto / LOCK_NAME).read_text(encoding="utf-8"))
    if as_json:
        click.echo(json_line({"gaps": gaps, "unreleased": unreleased}))
    else:
        click.echo(_describe_gaps(gaps, unreleased), err=bool(gaps))
    if gaps:
        raise click.exceptions.Exit(1)


def find_gaps(proto: Path, *, may_lack_lock: bool) -> list[str]:
    """Return the gaps that prevent a release of the protos and the generated code, only those of the first kind.

    The lock may be missing only before the first release. Raises ClickException if there is no checkout.
    """
    from ordertrail_server.authoring.authoring_error import AuthoringError
    from ordertrail_server.authoring.buf import build
    from ordertrail_server.authoring.checkout import require_protos
    from ordertrail_server.authoring.freshness import stale_files
    from ordertrail_server.authoring.reserved_names import reserved_names
    from ordertrail_server.authoring.tree import Tree
    from ordertrail_server.authoring.tree_gaps import tree_gaps

    try:
        require_protos(proto)
    except AuthoringError as refusal:
        raise click.ClickException(str(refusal)) from None
    try:
        image = build(proto)
        if reserved := reserved_names(image):
            return reserved
        if stale := stale_files(image):
            return [f"{name} was edited since the code was generated: run `make generate`" for name in stale]
        return _find_released_gaps(proto, may_lack_lock) or _find_reading_gaps() or tree_gaps(proto, Tree(image))
    except (AuthoringError, OSError) as refusal:
        return [str(refusal)]


def _find_released_gaps(proto: Path, may_lack_lock: bool) -> list[str]:
    # This check comes first, because all other code relies on the released messages.
    from ordertrail.log.v1.record_pb2 import Record
    from ordertrail_server.schema.lock.lock_file import LOCK_NAME, lock_gaps, released_gaps

    lock = proto / LOCK_NAME
    find_lock_gaps = lock_gaps if may_lack_lock else released_gaps
    return find_lock_gaps(Record.DESCRIPTOR, lock.read_text(encoding="utf-8") if lock.exists() else "")


def _find_reading_gaps() -> list[str]:
    from ordertrail_server.schema.proof.schema_check import SchemaIncompleteError, check_readings

    try:
        check_readings()
    except SchemaIncompleteError as incomplete:
        return incomplete.gaps
    return []


def _describe_gaps(gaps: list[str], unreleased: list[str]) -> str:
    if gaps:
        return "\n".join(["problems:", *(f"- {gap}" for gap in gaps)])
    summary = "ok: every version of every event can be read, and released messages are unchanged"
    names = [f"not released yet: {name}" for name in unreleased]
    return "\n".join([summary, *names, *(["`ordertrail schema lock` releases them"] if names else [])])
