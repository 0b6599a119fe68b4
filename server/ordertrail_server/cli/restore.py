"""`ordertrail restore`: make a data directory of a backup."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.backup_text import describe_content, describe_fault, refuse_kafka_setting
from ordertrail_server.cli.log_option import data_option
from ordertrail_server.cli.value_text import error_text, escape, json_line
from ordertrail_server.operator_error import OperatorError

if TYPE_CHECKING:
    from ordertrail_server.backup.restore import RestoreReport

EPILOG = """\b
Examples:
  ordertrail restore ./monday.backup --data ./data"""


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@data_option(
    "The data directory to create or to replace. No server may use it.",
    default=Path("data"),
    show_default=True,
    envvar="ORDERTRAIL_DATA",
    show_envvar=True,
    must_exist=False,
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
def restore(file: Path, data: Path, as_json: bool) -> None:
    """Verify the backup FILE, and put a data directory with its content in the place of DIR.

    The new directory is built beside DIR, as `DIR.restoring`, and takes its place in one step. The old directory is
    kept as `DIR.before-restore-TIME`. The server builds the projections at its next start.

    The restored log has a new identity, and knows that of its predecessor. Tokens and receipts of the predecessor stay
    valid up to the backup; later ones are refused with LOST_TOKEN. Subscriptions continue from the positions of the
    backup. Exit codes: 0 restored, 1 failed; then DIR is what it was.
    """
    import asyncio

    from ordertrail_server.backup.restore import restore as restore_backup
    from ordertrail_server.cli.projections.build_progress import show_progress
    from ordertrail_server.storage.sqlite import sqlite3

    try:
        refuse_kafka_setting()
        with show_progress("restoring", disable=as_json) as on_progress:
            report = asyncio.run(restore_backup(file, data, on_progress))
    except (OperatorError, sqlite3.Error, OSError) as refusal:
        raise click.ClickException(error_text(refusal)) from refusal
    _show(report, data, as_json=as_json)


def _show(report: "RestoreReport", data: Path, *, as_json: bool) -> None:
    former = None if report.former_directory is None else str(report.former_directory)
    if as_json:
        outcome = {"data": str(data), "restoredLogId": report.log_id.hex(), "formerDirectory": former}
        click.echo(json_line(report.content.to_json() | outcome))
    else:
        content = report.content
        click.echo(f"Restored the backup of {content.created_at}: {describe_content(content)}, in {escape(str(data))}.")
        click.echo(f"The log is now {report.log_id.hex()}, and continues {content.log.identity.hex()}.")
        if former is not None:
            click.echo(f"The old directory is kept: {escape(former)}")
    if report.content.fault is not None:
        click.echo(describe_fault(report.content), err=True)
