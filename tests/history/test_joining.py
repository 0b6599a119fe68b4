from contextlib import closing

import pytest

from ordertrail_server.history import joining
from ordertrail_server.storage.sqlite import sqlite3


def test_this_sqlite_joins_bytes_as_they_are() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        joining.prove_joining(connection)


def test_an_sqlite_that_does_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "joined", lambda column: f"CAST(group_concat(quote({column}), '') AS BLOB)")
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(RuntimeError, match="does not join"):
        joining.prove_joining(connection)
