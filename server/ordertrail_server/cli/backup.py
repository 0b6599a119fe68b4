"""`ordertrail backup`: back up a data directory into one file, or verify such a file."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.backup_text import describe_content, describe_fault, refuse_kafka
from ordertrail_server.cli.log_option import data_option
from ordertrail_server.cli.value_text import error_text, escape, json_line
from ordertrail_server.operator_error import OperatorError

if TYPE_CHECKING:
    from ordertrail_server.backup.backup_content import BackupContent
    from ordertrail_server.cli.projections.build_progress import ProgressBar

EPILOG = """\b
Examples:
  ordertrail backup --data ./data ./monday.backup
  ordertrail backup --verify ./monday.backup"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@data_option(
    "The data directory of a running or stopped server.",
    default=Path("data"),
    show_default=True,
    envvar="ORDERTRAIL_DATA",
    show_envvar=True,
    must_exist=False,
)
@click.option("--verify", is_flag=True, help="Verify FILE, which an earlier backup wrote, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as one JSON object.")
def backup(file: Path, data: Path, verify: bool, as_json: bool) -> None:
    """Back up the log and the subscriptions of a data directory into the new file FILE, and verify it.

    A server may run meanwhile: FILE has what the log held when the backup began. It includes the secrets of webhooks,
    so only its owner may read it. Until it is complete and verified, it is called `….partial`. Its priority is low.

    Every record is read, its digest is computed, and the chain of its order is checked. `ordertrail restore` makes a
    data directory of FILE. A log on Kafka is copied by `ordertrail log copy`. Exit codes: 0 backed up and verified, 1
    failed, also if there are no records, or if records of the log break a chain.
    """
    from ordertrail_server.cli.projections.build_progress import show_progress
    from ordertrail_server.projections.build_pace import lower_priority
    from ordertrail_server.storage.sqlite import sqlite3

    lower_priority()
    try:
        with show_progress("verifying" if verify else "backing up", disable=as_json) as on_progress:
            content = _verify(file, on_progress) if verify else _write(file, data, on_progress)
    except (OperatorError, sqlite3.Error, OSError) as refusal:
        raise click.ClickException(error_text(refusal)) from refusal
    _show(content, file, verify=verify, as_json=as_json)


def _write(file: Path, data: Path, on_progress: "ProgressBar") -> "BackupContent":
    import asyncio

    from ordertrail_server.backup.backup import write_backup
    from ordertrail_server.log.data_directory import DataDirectory

    refuse_kafka(DataDirectory(data))
    return asyncio.run(write_backup(DataDirectory(data), file, on_progress))


def _verify(file: Path, on_progress: "ProgressBar") -> "BackupContent":
    import asyncio

    from ordertrail_server.backup.verification import verify_backup

    return asyncio.run(verify_backup(file, on_progress))


def _show(content: "BackupContent", file: Path, *, verify: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json_line(content.to_json() | {"file": str(file), "verified": True}))
    else:
        verb = f"Verified the backup of {content.created_at}" if verify else "Backed up and verified"
        click.echo(f"{verb}: {describe_content(content)}, in {escape(str(file))}.")
    if content.fault is not None:
        raise click.ClickException(describe_fault(content))
