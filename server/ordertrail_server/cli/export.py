"""`ordertrail export`: write the timeline and the events as files for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.log_option import data_option
from ordertrail_server.cli.value_text import error_text, json_line
from ordertrail_server.operator_error import OperatorError

if TYPE_CHECKING:
    from ordertrail_server.export.export_report import ExportReport

EPILOG = """\b
Examples:
  ordertrail export --data ./data --to ./export
  ordertrail export --data ./data --to ./export --format parquet --replace"""


@click.command(epilog=EPILOG)
@data_option(
    "The data directory of a running or stopped server, on either kind of log.",
    default=Path("data"),
    show_default=True,
    envvar="ORDERTRAIL_DATA",
    show_envvar=True,
)
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    required=True,
    help="The directory of the files. It is created if it does not exist.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["jsonl", "csv", "parquet"]),
    default="jsonl",
    show_default=True,
    help="The format of the files. Parquet needs the package pyarrow.",
)
@click.option("--replace", is_flag=True, help="Replace an export that the directory holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def export(data: Path, to: Path, format_name: str, replace: bool, as_json: bool) -> None:
    """Write the timeline and the events as JSON Lines, CSV or Parquet.

    Writes `order_versions`, `line_versions` and `events`, all as of one position of the log, and then the summary
    `export.json`. Until all are complete, the files are called `….partial`. Its priority is low.

    Waiting facts of parked orders are not exported, and stderr names the orders. Exit codes: 0 exported, 1 failed.
    """
    from time import perf_counter

    from ordertrail_server.cli.projections.build_progress import show_progress
    from ordertrail_server.export.export import export as write_export
    from ordertrail_server.export.file_format import FileFormat
    from ordertrail_server.projections.build_pace import lower_priority

    lower_priority()
    started_at = perf_counter()
    try:
        with show_progress("exporting", disable=as_json) as on_progress:
            report = write_export(data, to, FileFormat(format_name), on_progress, replaces=replace)
    except (OperatorError, OSError) as refusal:
        raise click.ClickException(error_text(refusal)) from refusal
    _show(report, round(perf_counter() - started_at, 3), as_json=as_json)


def _show(report: "ExportReport", seconds: float, *, as_json: bool) -> None:
    from ordertrail_server.cli.event_output import create_parked_warning

    if as_json:
        click.echo(json_line(report.to_json() | {"seconds": seconds}))
    else:
        rows = ", ".join(f"{count:,} {table}" for table, count in report.row_counts.items())
        offsets = ", ".join(f"{offset:,} of partition {number}" for number, offset in report.position.offsets.items())
        click.echo(f"{rows}, {seconds} seconds\nas of offset {offsets}\ntoken {report.position.token}")
    create_parked_warning()(report.parked_ids)
    if report.lag_count:
        click.echo(f"One projection already included {report.lag_count:,} later records.", err=True)
