"""CSV files: RFC 4180, UTF-8, with a line of column names. NULL is an empty field."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import IO, Any

from ordertrail_server.export.table import Table


class CsvFile:
    """Writes the rows of a table as CSV."""

    def __init__(self, file: IO[bytes], table: Table) -> None:
        self._file = file
        self.write([[column.name for column in table.columns]])

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows."""
        lines = StringIO(newline="")  # line ends within a text stay as they are
        csv.writer(lines).writerows(rows)
        self._file.write(lines.getvalue().encode())

    def finish(self) -> None:
        """Do nothing, because nothing is buffered here."""
