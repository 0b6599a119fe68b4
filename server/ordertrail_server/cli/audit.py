"""`ordertrail audit`: compare the projections of a server with its log."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.exit_code import UNCHECKED, VerdictCommand
from ordertrail_server.cli.log_option import data_option
from ordertrail_server.cli.projections.projection_argument import ProjectionName
from ordertrail_server.cli.server_call import CallFailed, calls_server
from ordertrail_server.cli.target import Target, target_option

if TYPE_CHECKING:
    from ordertrail.v1.projection_audit_pb2 import AuditResult
    from ordertrail_server.cli.audit_output import AuditOutput

NOT_AUDITED = UNCHECKED
EPILOG = """\b
Examples:
  ordertrail audit
  ordertrail audit history --json
  ordertrail audit --data ./data

Exit codes: 0 nothing found, 1 findings, 2 wrong usage, or not everything could
be compared."""


@click.command(cls=VerdictCommand, epilog=EPILOG)
@click.argument("names", metavar="[NAME]...", type=ProjectionName(), nargs=-1)
@data_option("The data directory of a stopped server with an embedded log, to audit it without a server.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per message: progress, finding, report.")
@target_option
def audit(names: tuple[str, ...], data: Path | None, as_json: bool, target: Target) -> None:
    """Fold the log afresh, verify every chain, and compare every row of the live projections with the result.

    Without names, all projections are compared. The server goes on meanwhile, and commands go first. The audit needs
    disk space for a second set of projections, and changes nothing. Ctrl-C ends it.
    """
    from ordertrail_server.cli.audit_output import audit_output

    with audit_output(as_json=as_json) as output:
        if data is None:
            calls_server(exit_code=NOT_AUDITED)(_audit_server)(target=target, names=names, output=output)
        else:
            _audit_stopped(data, names, output)
    _exit(output.result)


async def _audit_server(*, target: Target, names: tuple[str, ...], output: "AuditOutput") -> None:
    from contextlib import aclosing

    async with target.connect() as client, aclosing(client.audit_projections(names)) as messages:
        async for message in messages:
            output.show(message)


def _audit_stopped(data: Path, names: tuple[str, ...], output: "AuditOutput") -> None:
    from ordertrail_server.cli.value_text import error_text
    from ordertrail_server.log.data_directory import DataDirectory
    from ordertrail_server.log.embedded.follower import require_log
    from ordertrail_server.operator_error import OperatorError
    from ordertrail_server.projections.audit.stopped_audit import audit_stopped
    from ordertrail_server.projections.build_pace import lower_priority
    from ordertrail_server.storage.lock import DataDirectoryBusy, lock_directory
    from ordertrail_server.storage.sqlite import sqlite3

    lower_priority()
    try:
        require_log(DataDirectory(data).log)  # before the lock, which leaves a file
        with lock_directory(data):
            audit_stopped(data, names, output.show)
    except DataDirectoryBusy as busy:
        raise CallFailed(f"{busy} Leave out --data to have that server audit it.", NOT_AUDITED) from None
    except (OperatorError, sqlite3.Error, OSError) as refusal:
        raise CallFailed(error_text(refusal), NOT_AUDITED) from refusal


def _exit(result: "AuditResult.ValueType") -> None:
    """End the command with its exit code. Without a report the result is unspecified, which is no good news either."""
    from ordertrail.v1 import projection_audit_pb2 as messages

    if result == messages.AUDIT_RESULT_FINDINGS:
        raise click.exceptions.Exit(1)
    if result != messages.AUDIT_RESULT_CLEAN:
        raise click.exceptions.Exit(NOT_AUDITED)
