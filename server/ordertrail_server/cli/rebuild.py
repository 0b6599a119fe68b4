"""`ordertrail rebuild`: build the projections of a stopped server again."""

from pathlib import Path

import click

from ordertrail_server.cli.log_option import data_option
from ordertrail_server.cli.value_text import error_text
from ordertrail_server.operator_error import OperatorError

EPILOG = """\b
Example:
  ordertrail rebuild --data ./data"""


@click.command(epilog=EPILOG)
@data_option(
    "The data directory of a stopped server.",
    default=Path("data"),
    show_default=True,
    envvar="ORDERTRAIL_DATA",
    show_envvar=True,
)
@click.option("--json", "as_json", is_flag=True, help="Print the counts as one JSON object.")
def rebuild(data: Path, as_json: bool) -> None:
    """Build the projections again from offset 0 of the log, and replace the present ones when they are complete.

    The server must be stopped, and you must be allowed to write to the directory. Exit codes: 0 rebuilt, 1 failed.
    """
    import json
    from time import perf_counter

    from rich.progress import Progress

    from ordertrail_server.projections import rebuild as rebuilding
    from ordertrail_server.storage.lock import lock_directory
    from ordertrail_server.storage.sqlite import sqlite3

    started_at = perf_counter()
    try:
        with lock_directory(data), Progress(disable=as_json, transient=True) as bar:
            task = bar.add_task("rebuilding")
            counts = rebuilding.rebuild(data, lambda done, total: bar.update(task, completed=done, total=total))
    except (OperatorError, sqlite3.Error, OSError) as refusal:
        raise click.ClickException(error_text(refusal)) from refusal
    seconds = perf_counter() - started_at
    report = counts._asdict() | {"seconds": round(seconds, 3)}
    click.echo(json.dumps(report) if as_json else ", ".join(f"{value:,} {name}" for name, value in report.items()))
