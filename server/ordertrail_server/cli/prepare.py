"""`ordertrail prepare`: build the projections of a new release beside the running server of the old one."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.log_option import LIBRDKAFKA, bootstrap_option, data_option, topic_option
from ordertrail_server.cli.timeline_option import timeline_option
from ordertrail_server.cli.value_text import error_text
from ordertrail_server.operator_error import OperatorError

if TYPE_CHECKING:
    from ordertrail_server.log.source import LogSource

EPILOG = f"""\b
Examples:
  ordertrail prepare --data ./data
  ordertrail prepare --log kafka --bootstrap 127.0.0.1:9092 --once

{LIBRDKAFKA}"""


@click.command(epilog=EPILOG)
@data_option(
    "The data directory of the server.",
    default=Path("data"),
    show_default=True,
    envvar="ORDERTRAIL_DATA",
    show_envvar=True,
)
@click.option(
    "--log",
    type=click.Choice(["embedded", "kafka"]),
    default="embedded",
    show_default=True,
    envvar="ORDERTRAIL_LOG",
    show_envvar=True,
    help="The log of the server: the file in the data directory, or a Kafka topic.",
)
@bootstrap_option(required=False)
@topic_option
@timeline_option
@click.option("--once", is_flag=True, help="End when everything is ready, instead of following the log.")
@click.option("--json", "as_json", is_flag=True, help="Print the progress as JSON objects, one a line.")
def prepare(
    data: Path, log: str, bootstrap: str | None, topic: str, has_timeline: bool, once: bool, as_json: bool
) -> None:
    """Build the projections as this release defines them, while a server of another release uses the directory.

    Prints `ready: …` when all are complete. Then follows the log until a server of this release takes the files over,
    or until Ctrl-C or SIGTERM. Stop the old server and start the new one meanwhile: it need not build anything. It
    writes to no file that the running server uses, and its priority is low.

    Exit codes: 0 ready, 1 failed or ended before it was ready, 2 wrong usage, 130 Ctrl-C before it was ready.
    """
    import asyncio
    import logging
    import sys

    from ordertrail_server.cli.preparation_report import PreparationReport
    from ordertrail_server.cli.preparation_run import run_preparation
    from ordertrail_server.projections.build_pace import lower_priority
    from ordertrail_server.projections.catalog import own_names
    from ordertrail_server.storage.sqlite import sqlite3

    if log == "kafka" and not bootstrap:
        raise click.UsageError("a Kafka log needs its brokers: --bootstrap HOST:PORT or ORDERTRAIL_BOOTSTRAP")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    lower_priority()
    try:
        with PreparationReport(as_json=as_json) as report:
            source, names = _create_source(data, bootstrap or "", topic, log), own_names(has_timeline=has_timeline)
            asyncio.run(run_preparation(source, report, names, ends_when_ready=once))
    except (OperatorError, sqlite3.Error, OSError) as refusal:
        raise click.ClickException(error_text(refusal)) from refusal


def _create_source(data: Path, bootstrap: str, topic: str, log: str) -> "LogSource":
    from ordertrail_server.log.source import EmbeddedSource, KafkaSource

    return KafkaSource(data, bootstrap, topic) if log == "kafka" else EmbeddedSource(data)
