"""Parquet files, with typed columns. Needs the package pyarrow.

Each type holds every value of its column exactly: a time as int64 nanoseconds, an amount as a decimal number with nine
decimals. A delivery date is text, because the calendar may lack the day that another producer recorded.
"""

from collections.abc import Iterable, Sequence
from typing import IO, Any

import pyarrow as pa
from pyarrow import compute, parquet

from ordertrail_server.export.table import Column, Kind, Table
from ordertrail_server.orders.time_text import SECOND_NS
from ordertrail_server.projections.timeline.tables import FOREVER

# The last time that fits. It keeps the condition `valid_from <= t AND t < valid_until` true, which NULL would not.
LAST_TIME = "2262-04-11T23:47:16.854775807Z"
TYPES = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.TIME: pa.timestamp("ns", tz="UTC"),
    # A total has at most 19 digits before the point.
    Kind.AMOUNT: pa.decimal128(38, 9),
    Kind.JSON: pa.string(),
}
GROUP_ROWS, GROUP_BYTES = 100_000, 32 << 20
"""The most that is collected in memory for one row group."""


class _Writer(parquet.ParquetWriter):  # type: ignore[misc]  # pyarrow has no types
    def __del__(self) -> None:
        """Write nothing. After an error the file is closed before the writer goes, and pyarrow would write its end."""


class ParquetFile:
    """Writes the rows of a table as Parquet."""

    def __init__(self, file: IO[bytes], table: Table) -> None:
        self._columns = table.columns
        self._schema = pa.schema([(column.name, TYPES[column.kind]) for column in table.columns])
        self._writer = _Writer(file, self._schema, compression="zstd")
        self._batches: list[Any] = []
        self._row_count = self._byte_count = 0

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows."""
        values = list(zip(*rows, strict=True))
        arrays = [_create_array(column, texts) for column, texts in zip(self._columns, values, strict=True)]
        batch = pa.record_batch(arrays, schema=self._schema)
        self._batches.append(batch)
        self._row_count += batch.num_rows
        self._byte_count += batch.nbytes
        if self._row_count >= GROUP_ROWS or self._byte_count >= GROUP_BYTES:
            self._write_group()

    def finish(self) -> None:
        """Write what is collected, and the end of the file. The file stays open."""
        if self._batches:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        self._writer.write_table(pa.Table.from_batches(self._batches, self._schema))
        self._batches, self._row_count, self._byte_count = [], 0, 0


def _create_array(column: Column, values: Sequence[Any]) -> Any:
    if column.kind is Kind.TIME:
        return _parse_times([LAST_TIME if value == FOREVER else value for value in values])
    if column.kind is Kind.AMOUNT:
        return pa.array(values, pa.string()).cast(TYPES[column.kind])
    return pa.array(values, TYPES[column.kind])


def _parse_times(values: Sequence[str]) -> Any:
    # Arrow parses no time of the first second that fits. These sums of 64 bits may overflow and are right at the end.
    texts = pa.array(values, pa.string())
    seconds = compute.utf8_slice_codeunits(texts, 0, 19).cast(pa.timestamp("s")).cast(pa.int64())
    nanos = compute.utf8_slice_codeunits(texts, 20, 29).cast(pa.int64())
    return compute.add(compute.multiply(seconds, SECOND_NS), nanos).cast(TYPES[Kind.TIME])
