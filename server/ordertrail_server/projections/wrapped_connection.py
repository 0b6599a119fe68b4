"""A connection of ours as a database of sqlite-utils (docs/decisions/0028)."""

from sqlite_utils import Database

from ordertrail_server.storage.connection import Connection


def wrap_connection(connection: Connection) -> Database:
    """Return the database of a connection, which stays the owner of its transactions."""
    return Database(connection, recursive_triggers=False, execute_plugins=False)
