"""The report of an export, and its progress."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ordertrail_server.export.file_format import FileFormat
from ordertrail_server.export.position import ExportPosition
from ordertrail_server.export.row_reader import Step

OnProgress = Callable[[int, int], None]
"""Called with the number of records exported so far, and with the number of all. Each counts once for each table."""


class ExportReport(NamedTuple):
    """What an export holds: {table: number of rows}, the position, and the parked orders whose waiting facts it lacks.

    `lag_count`: how many records after the position one of the two projections included already.
    """

    file_format: FileFormat
    row_counts: dict[str, int]
    position: ExportPosition
    parked_ids: Sequence[str]
    lag_count: int

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON, which is also the content of the summary."""
        return {
            "format": self.file_format.value,
            "rows": self.row_counts,
            "offsets": {str(partition): offset for partition, offset in self.position.offsets.items()},
            "token": self.position.token,
            "parkedOrders": list(self.parked_ids),
        }


class ExportProgress:
    """Counts the records whose rows are written."""

    def __init__(self, position: ExportPosition, table_count: int, on_progress: OnProgress) -> None:
        self._position, self._on_progress = position, on_progress
        self._done, self._total = 0, position.record_count * table_count

    def watch(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Yield the steps of a table, and report each one when it is written."""
        offsets = self._position.offsets
        for step in steps:
            yield step
            partition, offset = step.position
            earlier_count = sum(end for number, end in offsets.items() if number < partition)
            self._on_progress(self._done + earlier_count + offset, self._total)
        self._done += self._position.record_count
