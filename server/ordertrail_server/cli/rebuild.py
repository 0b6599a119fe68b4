"""`ordertrail rebuild`: build the projections of a stopped server again."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ordertrail_server.cli.log_option import data_option
from ordertrail_server.cli.target import Target, check_address, connection_options
from ordertrail_server.cli.timeline_option import timeline_option
from ordertrail_server.cli.value_text import error_text, json_line
from ordertrail_server.operator_error import OperatorError

if TYPE_CHECKING:
    from ordertrail_server.projections.rebuild import RebuildReport

EPILOG = """\b
Examples:
  ordertrail rebuild --data ./data
  ordertrail rebuild --data ./data --target 127.0.0.1:50051"""


@click.command(epilog=EPILOG)
@data_option(
    "The data directory of a stopped server.",
    default=Path("data"),
    show_default=True,
    envvar="ORDERTRAIL_DATA",
    show_envvar=True,
)
@click.option(
    "--target",
    metavar="HOST:PORT",
    callback=check_address,
    help="If a server serves the directory, have that server do it; this is its address.",
)
@connection_options
@timeline_option
@click.option("--json", "as_json", is_flag=True, help="Print the counts and comparisons as one JSON object.")
def rebuild(data: Path, target: Target | None, has_timeline: bool, as_json: bool) -> None:
    """Build all projections again from offset 0 of the log, compare them with the live generations, and promote them.

    The generations that were live are kept for one step back, and earlier ones are removed. The server must be stopped,
    and you must be allowed to write to the directory. Exit codes: 0 rebuilt, 1 failed.
    """
    from ordertrail_server.log.data_directory import DataDirectory
    from ordertrail_server.log.embedded.follower import require_log
    from ordertrail_server.storage.lock import DataDirectoryBusy, lock_directory
    from ordertrail_server.storage.sqlite import sqlite3

    try:
        require_log(DataDirectory(data).log)  # before the lock, which leaves a file
        with lock_directory(data):
            _rebuild_stopped(data, has_timeline=has_timeline, as_json=as_json)
    except DataDirectoryBusy as busy:
        if target is None:
            advice = "`ordertrail projections rebuild NAME` rebuilds beside a running server, as does --target."
            raise click.ClickException(f"{busy} {advice}") from None
        _rebuild_at_server(target, as_json=as_json)
    except (OperatorError, sqlite3.Error, OSError) as refusal:
        raise click.ClickException(error_text(refusal)) from refusal


def _rebuild_stopped(data: Path, *, has_timeline: bool, as_json: bool) -> None:
    from time import perf_counter

    from ordertrail_server.cli.projections.build_progress import show_progress
    from ordertrail_server.projections import rebuild as rebuilding
    from ordertrail_server.projections.catalog import own_names

    started_at = perf_counter()
    with show_progress("rebuilding", disable=as_json) as on_count:
        report = rebuilding.rebuild(data, on_count, own_names(has_timeline=has_timeline))
    counts = report.counts._asdict() | {"seconds": round(perf_counter() - started_at, 3)}
    if as_json:
        click.echo(json_line(counts | _comparisons_json(report)))
        return
    click.echo(", ".join(f"{value:,} {name}" for name, value in counts.items()))
    for line in _comparison_lines(report):
        click.echo(line)


def _comparisons_json(report: "RebuildReport") -> dict[str, Any]:
    tables = {name: [table.to_json() for table in tables] for name, tables in report.comparisons.items()}
    not_compared, stopped = dict(report.not_compared), dict(report.stopped)
    return {"differences": report.difference_count, "tables": tables, "not_compared": not_compared, "stopped": stopped}


def _comparison_lines(report: "RebuildReport") -> list[str]:
    from ordertrail_server.cli.projections.generation_text import describe_comparison

    lines = [line for name, tables in report.comparisons.items() for line in describe_comparison(name, tables)]
    lines += [f"{name}: not compared. {reason}" for name, reason in report.not_compared.items()]
    return lines + [f"{name}: not rebuilt, because {reason}." for name, reason in report.stopped.items()]


def _rebuild_at_server(target: Target, *, as_json: bool) -> None:
    from ordertrail_server.cli.projections.rebuilt_generation import rebuild_all
    from ordertrail_server.cli.server_call import calls_server

    calls_server()(rebuild_all)(target=target, as_json=as_json)
