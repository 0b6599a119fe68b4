"""The schema of an SQLite file, to compare it with the schema that a script creates."""

from contextlib import closing

from ordertrail_server.storage.connection import Connection
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.transaction import execute_statements

# SQLite's own objects, such as the statistics of ANALYZE, do not belong to the schema.
READ = r"SELECT type || ' ' || name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\'"


def read_schema(connection: Connection) -> dict[str, str]:
    """Return the SQL text of each table, index, trigger and view, by its type and name, as in "table orders"."""
    return dict(connection.execute(READ))


def build_schema(script: str) -> dict[str, str]:
    """Return the schema that a script creates, as `read_schema` does. Runs the script in memory."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        execute_statements(connection, script)
        return read_schema(connection)
