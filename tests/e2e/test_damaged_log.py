"""A damaged log, on a server that rebuilds its derived stores from it."""

import asyncio
import sqlite3
from contextlib import closing

import pytest
from tests.e2e.filled_directory import fill_directory, projection_file, remove_store
from tests.e2e.running_server import RunningServer, read_start_refusal
from tests.log.embedded.schema_damage import damage_schema

from ordertrail_server.projections.catalog import HISTORY, ORDERS

NOT_THE_KEY = "which is not the id of its order"


@pytest.mark.parametrize(
    ("column", "change", "message"),
    [
        ("key", "CAST(substr(key, 1, length(key) - 1) || char(unicode(substr(key, -1)) + 1) AS TEXT)", NOT_THE_KEY),
        ("value", "CAST(replace(CAST(value AS TEXT), 'a', 'b') AS BLOB)", "is not what was appended"),
        ("digest", "zeroblob(16)", "is not what was appended"),
        ("position", "position + (1 << 40)", "is missing"),
    ],
)
async def test_server_that_rebuilds_its_stores_reports_damage_in_any_column(
    server: RunningServer, column: str, change: str, message: str
) -> None:
    await fill_directory(server)
    with closing(sqlite3.connect(server.data / "log.sqlite")) as connection:
        connection.execute("DROP TRIGGER records_are_never_changed")
        [(position,)] = connection.execute("SELECT max(position) / 2 FROM records")
        connection.execute(f"UPDATE records SET {column} = {change} WHERE position = ?", [position])
        connection.commit()
    for name in (HISTORY, ORDERS):
        remove_store(projection_file(server.data, name))
        server.spawn()
        assert await asyncio.to_thread(server.wait) == 1
        assert "Error: the record at partition 0, offset " in server.stderr.splitlines()[-1]
        assert message in server.stderr.splitlines()[-1]


async def test_server_reports_log_schema_that_is_not_utf_8_as_damage(server: RunningServer) -> None:
    await fill_directory(server)
    log = server.data / "log.sqlite"
    damage_schema(log, "records", b"CREATE TABLE", b"CREATE TABL\xc5")
    assert read_start_refusal(server.data) == (
        f"Error: the log is damaged ({log}): it contains text that is not UTF-8\n"
    )
