"""Damage to the schema in a log's file, as by a flipped bit."""

import sqlite3
from contextlib import closing
from pathlib import Path


def damage_schema(log: Path, table: str, stored: bytes, damaged: bytes) -> None:
    """Replace a part of the statement with which the file's schema describes a table."""
    with closing(sqlite3.connect(log)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        [(sql,)] = connection.execute("SELECT CAST(sql AS BLOB) FROM sqlite_schema WHERE name = ?", [table])
        assert sql.count(stored) == 1
        connection.execute(
            "UPDATE sqlite_schema SET sql = CAST(? AS TEXT) WHERE name = ?", [sql.replace(stored, damaged), table]
        )
        connection.commit()
