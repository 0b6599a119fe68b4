"""Bytes of many rows joined by SQLite, in one step.

Fetched row by row, the thread would wait for Python's lock at every row, and under a busy event loop read 70 times
fewer events per second (measured).
"""

from ordertrail_server.storage.sqlite import sqlite3

SAMPLE = [b"", b"\x00", b"\xff\xfe\x00", "ü".encode()[:1], b"\x0a\x80\x01"]


def joined(column: str) -> str:
    """Return the SQL of the bytes of a BLOB column of all rows, one after another in their order; none of no row."""
    return f"CAST(coalesce(group_concat({column}, ''), '') AS BLOB)"


def prove_joining(connection: sqlite3.Connection) -> None:
    """Raise RuntimeError unless this SQLite takes BLOBs as TEXTs of the same bytes and back: it is nowhere promised."""
    rows = " UNION ALL ".join(["SELECT ? AS sample"] * len(SAMPLE))
    joined_sample = connection.execute(f"SELECT {joined('sample')} FROM ({rows})", SAMPLE).fetchone()[0]
    if joined_sample != b"".join(SAMPLE):
        raise RuntimeError(f"SQLite {sqlite3.sqlite_version} does not join bytes as they are")
