from contextlib import closing

import pytest

from ordertrail_server.history import blob_join
from ordertrail_server.storage.sqlite import sqlite3


def test_this_sqlite_joins_bytes_unchanged() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        blob_join.check_blob_join(connection)


def test_sqlite_that_changes_joined_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blob_join, "join_blobs_sql", lambda column: f"CAST(group_concat(quote({column}), '') AS BLOB)")
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(RuntimeError, match="does not join"):
        blob_join.check_blob_join(connection)
