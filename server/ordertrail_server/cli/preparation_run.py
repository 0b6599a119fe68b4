"""Runs a preparation until it is ready, until a server takes it over, or until a signal."""

import asyncio
import signal
from collections.abc import Sequence

import click

from ordertrail_server.cli.exit_code import INTERRUPTED
from ordertrail_server.cli.preparation_report import PreparationReport
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.derived_stores import refuse_lost_facts
from ordertrail_server.log.source import LogSource
from ordertrail_server.projections.preparation import Preparation, PreparationProgress
from ordertrail_server.projections.projection_error import PositionMoved
from ordertrail_server.schema.proof.schema_check import check_schema


async def run_preparation(
    source: LogSource, report: PreparationReport, names: Sequence[str], *, ends_when_ready: bool
) -> None:
    """Prepare the server's own `names` and the added projections, and print the progress.

    Raises OperatorError, sqlite3.Error, OSError, ClickException, Exit.
    """
    check_schema(allow_unlocked=True)
    stop = _stop_on_signals()

    def on_progress(progress: PreparationProgress) -> bool:
        report.show(progress)
        return not stop.is_set() and not (ends_when_ready and progress.is_ready)

    log = await source.follow()
    try:
        await refuse_lost_facts(log, DataDirectory(source.data))
        preparation = Preparation(log, DataDirectory(source.data), names)
        await preparation.run(on_progress)
    except PositionMoved:
        report.note_takeover()
    else:
        if not stop.is_set() and not ends_when_ready:
            report.note_takeover()
    finally:
        await log.close()
    report.show_stopped(preparation.stopped)
    if not report.is_ready:
        if stop.is_set():
            raise click.exceptions.Exit(INTERRUPTED)
        raise click.ClickException("Another process folds the same files, and they are not ready; wait for it.")


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
