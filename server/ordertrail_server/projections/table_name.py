"""The names of the tables in the file of a projection, and how a statement names them."""

from ordertrail_server.storage.connection import Connection

# Without the shadow tables of virtual ones, as of FTS5. Their rows depend on where the batches ended.
_TABLES = """SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')
AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"""


def list_table_names(connection: Connection) -> list[str]:
    """Return the tables of a file, sorted. The tables of SQLite and of its virtual tables are left out."""
    return [name for (name,) in connection.execute(_TABLES)]


def quote_name(name: str) -> str:
    """Return the name of a table or column as a statement contains it."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
