"""Compares two generations of a projection, row by row as of one position of the log."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from ordertrail_server.projections.row_order import END, Row, value_order
from ordertrail_server.projections.table_name import list_table_names, quote_name
from ordertrail_server.storage.connection import Connection

SAMPLES = 10
ENGINE_TABLES = ("ordertrail_meta", "ordertrail_positions")


@dataclass(slots=True)
class TableComparison:
    """The numbers of rows of both generations, and the keys (first columns) whose rows differ."""

    table: str
    live_count: int = 0
    other_count: int = 0
    difference_count: int = 0
    different_keys: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


def comparison_queries(connection: Connection, queries: Mapping[str, str]) -> dict[str, str]:
    """Return for each table the SELECT of its rows, sorted by all columns; `queries` has those that need a special one.

    The first column is the key by which differences are counted.
    """
    tables = [name for name in list_table_names(connection) if name not in ENGINE_TABLES]
    return {table: queries.get(table) or _sorted_rows(connection, table) for table in tables}


def compare_table(live: Connection, built: Connection, table: str, query: str) -> TableComparison:
    """Compare the rows of a table in two files."""
    result = TableComparison(table)
    live_groups, other_groups = _groups(live, query), _groups(built, query)
    live_group, other_group = next(live_groups, None), next(other_groups, None)
    while live_group or other_group:
        live_key = _sort_key(live_group)
        other_key = _sort_key(other_group)
        live_rows = live_group[1] if live_group and live_key <= other_key else []
        other_rows = other_group[1] if other_group and other_key <= live_key else []
        result.live_count += len(live_rows)
        result.other_count += len(other_rows)
        if live_rows != other_rows:
            result.difference_count += 1
            if len(result.different_keys) < SAMPLES:
                result.different_keys.append(str((live_rows or other_rows)[0][0]))
        live_group = next(live_groups, None) if live_rows else live_group
        other_group = next(other_groups, None) if other_rows else other_group
    return result


def _sorted_rows(connection: Connection, table: str) -> str:
    name = quote_name(table)
    columns = [quote_name(column) for _, column, *_ in connection.execute(f"PRAGMA table_info({name})")]
    return f"SELECT {', '.join(columns)} FROM {name} ORDER BY {', '.join(columns)}"


def _groups(connection: Connection, query: str) -> Iterator[tuple[Any, list[Row]]]:
    return ((key, list(rows)) for key, rows in groupby(connection.execute(query), key=itemgetter(0)))


def _sort_key(group: tuple[Any, list[Row]] | None) -> tuple[int, Any]:
    return END if group is None else value_order(group[0])
