"""Reads the files of an export back, with the values that the projections hold."""

import csv
import json
from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

from pyarrow import parquet, types
from tests.export.folded_directory import Row, Tables

from ordertrail_server.export.file_format import FileFormat
from ordertrail_server.export.table import TABLES, Kind, Table
from ordertrail_server.orders.amounts import NANOS
from ordertrail_server.orders.time_text import time_text
from ordertrail_server.projections.timeline.column_text import amount_text
from ordertrail_server.projections.timeline.tables import FOREVER

LAST_TIME = time_text((1 << 63) - 1)


def read_files(directory: Path, file_format: FileFormat) -> Tables:
    read = READERS[file_format]
    return {table.name: list(read(directory / f"{table.name}.{file_format.value}", table)) for table in TABLES}


def as_read_back(tables: Tables, file_format: FileFormat) -> Tables:
    """Return the rows with what a format cannot distinguish: CSV no empty text, Parquet no time after the year 2262."""
    alike: dict[FileFormat, dict[Any, Any]] = {FileFormat.CSV: {"": None}, FileFormat.PARQUET: {FOREVER: LAST_TIME}}
    values = alike.get(file_format, {})
    return {
        name: [{column: _replace(value, values) for column, value in row.items()} for row in rows]
        for name, rows in tables.items()
    }


def _replace(value: Any, values: dict[Any, Any]) -> Any:
    return values.get(value, value) if isinstance(value, str) else value


def _read_json_lines(path: Path, _: Table) -> Iterator[Row]:
    return map(json.loads, path.read_text(encoding="utf-8").split("\n")[:-1])


def _read_csv(path: Path, table: Table) -> Iterator[Row]:
    parsers: dict[Kind, Callable[[str], Any]] = {Kind.INTEGER: int, Kind.JSON: json.loads}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, strict=True):
            yield {name: parsers.get(kind, str)(row[name]) if row[name] else None for name, kind in table.columns}


def _read_parquet(path: Path, table: Table) -> Iterator[Row]:
    content = parquet.read_table(path)
    for index, column in enumerate(content.schema):
        if types.is_timestamp(column.type):
            assert (column.type.unit, column.type.tz) == ("ns", "UTC")
            content = content.set_column(index, column.name, content[column.name].cast("int64"))
    for row in content.to_pylist():
        yield {name: _parquet_value(kind, row[name]) for name, kind in table.columns}


def _parquet_value(kind: Kind, value: Any) -> Any:
    if kind is Kind.TIME:
        return time_text(value)
    if isinstance(value, Decimal):
        with localcontext(prec=40):
            return amount_text(0, int(value * NANOS))
    return json.loads(value) if kind is Kind.JSON else value


READERS = {
    FileFormat.JSON_LINES: _read_json_lines,
    FileFormat.CSV: _read_csv,
    FileFormat.PARQUET: _read_parquet,
}
