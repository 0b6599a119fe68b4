"""Compares one live generation with the same projection folded afresh, table by table."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from ordertrail.v1.projection_audit_pb2 import AuditedTable as TableMessage, AuditFinding
from ordertrail_server.projections.audit.audited_table import AuditedTable, list_tables, schema_table
from ordertrail_server.projections.audit.finding import SAMPLES, LogName, row_finding
from ordertrail_server.projections.audit.live_copy import refuse_inconsistent
from ordertrail_server.projections.audit.row_difference import RowDifference, RowStream, find_differences
from ordertrail_server.projections.audit.timeline_order import locate_in_timeline
from ordertrail_server.projections.build_pace import BuildPace
from ordertrail_server.projections.catalog import TIMELINE
from ordertrail_server.projections.projection_file import IS_COMPLETE
from ordertrail_server.storage.checked.connection import connect_checked_reader
from ordertrail_server.storage.connection import Connection

CHUNKS_BETWEEN_PAUSES = 32

OnFinding = Callable[[AuditFinding], None]


class ComparedProjection:
    """Compares the tables of two files of a projection; `on_finding` gets the first rows of each that differ."""

    def __init__(self, name: str, log: LogName, pace: BuildPace | None, on_finding: OnFinding) -> None:
        self._name, self._log, self._pace, self._on_finding = name, log, pace, on_finding

    async def compare(self, fresh: Connection, copy: Path) -> list[TableMessage]:
        """Compare a file that was folded afresh with the copy of a live one. Raises sqlite3.DatabaseError."""
        with closing(connect_checked_reader(copy)) as live:
            refuse_inconsistent(live, copy)
            is_complete = bool(live.execute(IS_COMPLETE).fetchone()[0])
            schema = schema_table(with_indexes=is_complete)
            pairs = [(schema, schema), *_list_comparable(fresh, live, self._name)]
            return [
                await self._compare_table(table, RowStream(fresh, table), RowStream(live, live_table), (live, fresh))
                for table, live_table in pairs
            ]

    async def _compare_table(
        self, table: AuditedTable, expected: RowStream, stored: RowStream, files: Iterable[Connection]
    ) -> TableMessage:
        finding_count = 0
        for number, difference in enumerate(find_differences(expected, stored)):
            if difference is not None:
                finding_count += 1
                if finding_count <= SAMPLES:
                    self._send(table, difference, files)
            if number % CHUNKS_BETWEEN_PAUSES == 0:
                await self._give_way()
        return TableMessage(
            table=table.name,
            stored_count=stored.count,
            expected_count=expected.count,
            finding_count=finding_count,
        )

    def _send(self, table: AuditedTable, difference: RowDifference, files: Iterable[Connection]) -> None:
        finding = row_finding(self._name, table, difference, self._log)
        if self._name == TIMELINE:
            locate_in_timeline(finding, table, difference, self._log.topic, files)
        self._on_finding(finding)

    async def _give_way(self) -> None:
        await (asyncio.sleep(0) if self._pace is None else self._pace.pause())


def _list_comparable(fresh: Connection, live: Connection, name: str) -> Iterator[tuple[AuditedTable, AuditedTable]]:
    """Yield the tables with the same columns in both files, for each; the schema has a finding for any other."""
    live_tables = {table.shape: table for table in list_tables(live, name)}
    tables = list_tables(fresh, name)
    return ((table, live_tables[table.shape]) for table in tables if table.shape in live_tables)
