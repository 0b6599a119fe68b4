"""The tables of a projection as an audit reads them: rows in the order of a key that two folds have in common."""

from collections.abc import Sequence
from typing import NamedTuple

from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.table_name import list_table_names, quote_name
from ordertrail_server.storage.connection import Connection

# Every row of `orders` is in such an index. A changed file may lack it.
_HAS_KEY_INDEX = "SELECT 1 FROM pragma_index_list('orders') WHERE name = 'orders_by_key' AND NOT partial"
# Columns instead of the text of statements, which depends on the release of sqlite-utils.
_SCHEMA = """SELECT type, name, CASE type
    WHEN 'table' THEN (SELECT group_concat(concat_ws(' ', name, type, "notnull", pk, hidden), ', ')
        FROM pragma_table_xinfo(s.name))
    WHEN 'index' THEN (SELECT group_concat(ifnull(name, 'expression'), ', ') FROM pragma_index_info(s.name))
    ELSE sql END
FROM sqlite_schema s WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND type IN ({types}) ORDER BY type, name"""
_SCHEMA_COLUMNS = ("type", "name", "columns")
# A generation has a row `definition` once it is complete. Its value is that of the row `built_by`.
_META_QUERY = """SELECT key, value FROM ordertrail_meta m WHERE key <> 'definition'
OR value <> (SELECT value FROM ordertrail_meta WHERE key = 'built_by') ORDER BY key"""


class AuditedTable(NamedTuple):
    """A table, its columns, and the queries that return its rows one after another. They are for one file.

    The first `key_length` columns identify a row, and the rows are sorted by them as SQLite sorts.
    """

    name: str
    columns: tuple[str, ...]
    key_length: int
    queries: tuple[str, ...]

    @property
    def shape(self) -> tuple[str, tuple[str, ...], int]:
        """The name, the columns and the key, without the queries. They may differ if a file lacks an index."""
        return self.name, self.columns, self.key_length


class _Columns(NamedTuple):
    key: list[str]
    plain: list[str]


_META_TABLE = AuditedTable("ordertrail_meta", ("key", "value"), 1, (_META_QUERY,))


def schema_table(*, with_indexes: bool) -> AuditedTable:
    """Return the table that lists the tables of a file with their columns.

    Indexes are created near the end of the first fold, so a generation that is not complete lacks them.
    """
    types = "'table', 'trigger', 'view'" + (", 'index'" if with_indexes else "")
    return AuditedTable("sqlite_schema", _SCHEMA_COLUMNS, 2, (_SCHEMA.format(types=types),))


def list_tables(connection: Connection, projection: str) -> list[AuditedTable]:
    """Return the tables of a file. The numbers of orders are replaced by ids, because they depend on the batches."""
    return [_describe_table(connection, projection, name) for name in list_table_names(connection)]


def _describe_table(connection: Connection, projection: str, table: str) -> AuditedTable:
    if table == _META_TABLE.name:
        return _META_TABLE
    columns = _read_columns(connection, table)
    if table == "ordertrail_positions":  # a new fold retries nothing
        columns.plain.remove("retries")
    if projection == ORDERS and table == "orders":
        columns = _Columns(["order_key"], [name for name in columns.plain if name != "order_key"])
    elif projection == ORDERS and "order_no" in columns.key + columns.plain:
        return _join_orders(connection, table, columns)
    names = map(quote_name, columns.key + columns.plain)
    query = f"SELECT {', '.join(names)} FROM {quote_name(table)} ORDER BY {', '.join(_sorted_by(columns.key))}"
    return _create_table(table, columns, query)


def _join_orders(connection: Connection, table: str, columns: _Columns) -> AuditedTable:
    """Return a table whose rows have the packed ids of orders instead of their numbers."""
    keyed = _Columns(*(["order_key" if name == "order_no" else name for name in names] for names in columns))
    selected = ", ".join(_joined(name) for name in keyed.key + keyed.plain)
    sorted_by = [f"{_joined(name)} COLLATE BINARY" for name in keyed.key]
    if columns.key[0] != "order_no":
        joined = f"SELECT {selected} FROM {quote_name(table)} t LEFT JOIN orders o ON o.order_no = t.order_no"
        return _create_table(table, keyed, f"{joined} ORDER BY {', '.join(sorted_by)}")
    # Rows of no order come first, because NULL does.
    orphans = f"""SELECT {selected.replace("o.order_key", "NULL")} FROM {quote_name(table)} t
        WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.order_no = t.order_no)
        ORDER BY {", ".join(sorted_by[1:]) or "t.order_no"}"""
    # The index on order_key and the key of the table are in this order, so nothing is sorted.
    index = "INDEXED BY orders_by_key" if connection.execute(_HAS_KEY_INDEX).fetchone() else ""
    joined = f"""SELECT {selected} FROM orders o {index} CROSS JOIN {quote_name(table)} t
        ON t.order_no = o.order_no ORDER BY {", ".join(sorted_by)}"""
    return _create_table(table, keyed, orphans, joined)


def _joined(column: str) -> str:
    return "o.order_key" if column == "order_key" else f"t.{quote_name(column)}"


def _read_columns(connection: Connection, table: str) -> _Columns:
    """Return the columns of the primary key, or all columns if there is none, and the others."""
    rows = connection.execute(f"PRAGMA table_info({quote_name(table)})").fetchall()
    key = [name for _, name, *_, number in sorted(rows, key=lambda row: row[-1]) if number]
    names = [name for _, name, *_ in rows]
    return _Columns(key or names, [name for name in names if key and name not in key])


def _create_table(table: str, columns: _Columns, *queries: str) -> AuditedTable:
    return AuditedTable(table, (*columns.key, *columns.plain), len(columns.key), queries)


def _sorted_by(names: Sequence[str]) -> list[str]:
    return [f"{name} COLLATE BINARY" for name in map(quote_name, names)]
