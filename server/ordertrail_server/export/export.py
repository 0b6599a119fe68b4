"""Exports the timeline and the events of a data directory, as of one position of the log."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from json import dumps
from pathlib import Path

from ordertrail_server.export.event_row import event_row
from ordertrail_server.export.export_error import ExportRefused, OrderFreed
from ordertrail_server.export.export_report import ExportProgress, ExportReport, OnProgress
from ordertrail_server.export.file_format import FileFormat, RowFile, load_row_file
from ordertrail_server.export.row_reader import Step, read_rows
from ordertrail_server.export.source_file import SourceFiles, open_source_files
from ordertrail_server.export.table import EVENTS, LINE_VERSIONS, ORDER_VERSIONS, TABLES, Table
from ordertrail_server.export.table_query import EVENT_ROWS, LINE_VERSION_ROWS, ORDER_VERSION_ROWS
from ordertrail_server.export.target_folder import TargetFolder, open_target_folder
from ordertrail_server.export.waiting_order import find_waiting_orders
from ordertrail_server.log.data_directory import DataDirectory

ATTEMPTS = 5
"""How often an export begins if parked orders are folded again meanwhile."""


def export(
    data_dir: Path, target: Path, file_format: FileFormat, on_progress: OnProgress, *, replaces: bool = False
) -> ExportReport:
    """Write all rows into files of the folder `target`. A server may use the data directory meanwhile.

    `replaces`: an earlier export in the folder is replaced. Raises ExportRefused, OSError. Then an earlier export is
    unchanged, unless its files could not all be replaced at the end: then the folder has no summary.
    """
    row_file = load_row_file(file_format)
    for _ in range(ATTEMPTS):
        with (
            suppress(OrderFreed),
            open_source_files(DataDirectory(data_dir)) as source,
            open_target_folder(target, file_format, replaces=replaces) as folder,
        ):
            # First, because a retry after the last step must not hide what the files lack.
            parked_ids = find_waiting_orders(source.history, source.position)
            row_counts = _write_files(source, folder, row_file, on_progress)
            report = ExportReport(file_format, row_counts, source.position, parked_ids, source.lag_count)
            folder.complete(f"{dumps(report.to_json(), ensure_ascii=False)}\n".encode())
            return report
    raise ExportRefused("Parked orders were retried again and again during the export. Export again after that.")


def _write_files(
    source: SourceFiles, folder: TargetFolder, row_file: type[RowFile], on_progress: OnProgress
) -> dict[str, int]:
    """Write the files of all tables, and return the number of rows of each."""
    progress = ExportProgress(source.position, len(TABLES), on_progress)
    row_counts = {}
    for table, steps in _read_tables(source).items():
        with folder.create_file(table) as file:
            row_counts[table.name] = _write_rows(row_file(file, table), progress.watch(steps))
    return row_counts


def _read_tables(source: SourceFiles) -> Mapping[Table, Iterator[Step]]:
    return {
        ORDER_VERSIONS: read_rows(source.timeline, ORDER_VERSION_ROWS, source.position),
        LINE_VERSIONS: read_rows(source.timeline, LINE_VERSION_ROWS, source.position),
        EVENTS: _read_events(source),
    }


def _read_events(source: SourceFiles) -> Iterator[Step]:
    for step in read_rows(source.history, EVENT_ROWS, source.position):
        yield step._replace(rows=list(map(event_row, step.rows)))


def _write_rows(file: RowFile, steps: Iterable[Step]) -> int:
    row_count = 0
    for step in steps:
        file.write(step.rows)
        row_count += len(step.rows)
    file.finish()
    return row_count
