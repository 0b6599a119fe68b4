"""The formats of exported files."""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import IO, Any, Protocol

from ordertrail_server.export.export_error import ExportRefused
from ordertrail_server.export.table import Table


class FileFormat(Enum):
    """A format. Its value is the extension of the files, and what the option of the command takes."""

    JSON_LINES = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class RowFile(Protocol):
    """Writes the rows of a table into an open file, which it does not close."""

    def __init__(self, file: IO[bytes], table: Table) -> None: ...

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Write some rows, at least one."""

    def finish(self) -> None:
        """Write what is left. Nothing may be written after that."""


def load_row_file(file_format: FileFormat) -> type[RowFile]:
    """Return the class that writes a format. Raises ExportRefused if a package that it needs is missing."""
    if file_format is FileFormat.CSV:
        from ordertrail_server.export.csv_file import CsvFile

        return CsvFile
    if file_format is FileFormat.JSON_LINES:
        from ordertrail_server.export.json_lines_file import JsonLinesFile

        return JsonLinesFile
    return _load_parquet_file()


def _load_parquet_file() -> type[RowFile]:
    try:
        from ordertrail_server.export.parquet_file import ParquetFile
    except ImportError as error:
        raise ExportRefused(
            f"Parquet files need the package pyarrow, which cannot be imported ({error}). Install it: in a checkout of "
            "Ordertrail run `pip install '.[parquet]'`."
        ) from error
    return ParquetFile
