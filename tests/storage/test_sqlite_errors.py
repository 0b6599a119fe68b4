"""Three errors of SQLite mean that a file is damaged; transient errors do not."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.log.memory import MemoryLog

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail_server.commands.fold import StoreUnavailable
from ordertrail_server.commands.order_store import ProjectedOrders
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.log.embedded.records import read_failure
from ordertrail_server.log.port import LogDamaged, LogInUse, LogUnavailable
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.projections.orders.order_reader import OrderReader
from ordertrail_server.storage.connection import connect_immutable, connect_reader, connect_writer
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage, is_in_use

# Result codes, sqlite.org/rescode.html; an extended code has its primary code in the lowest byte.
DAMAGE = {
    "CORRUPT": 11,
    "NOTADB": 26,
    "CORRUPT_VTAB": 267,
    "CORRUPT_SEQUENCE": 523,
    "CORRUPT_INDEX": 779,
    "IOERR_DATA": 8202,
}
IN_USE = {"BUSY": 5, "LOCKED": 6, "PROTOCOL": 15, "BUSY_RECOVERY": 261, "BUSY_SNAPSHOT": 517}
TRANSIENT = {
    "FULL": 13,
    "IOERR": 10,
    "IOERR_READ": 266,
    "IOERR_SHORT_READ": 522,
    "IOERR_CORRUPTFS": 8458,
    "CANTOPEN": 14,
    "READONLY": 8,
    "READONLY_RECOVERY": 264,
    "READONLY_CANTLOCK": 520,
    "NOMEM": 7,
    "PERM": 3,
    "AUTH": 23,
    "INTERRUPT": 9,
    "SCHEMA": 17,
    "NOLFS": 22,
}


def build_sqlite_error(code: int) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError("text of SQLite")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize("code", DAMAGE.values(), ids=DAMAGE)
def test_corrupt_file_is_damage(code: int) -> None:
    assert isinstance(read_failure(build_sqlite_error(code), "here"), LogDamaged)
    assert not is_in_use(build_sqlite_error(code))


def test_log_whose_schema_does_not_fit_a_statement_is_damaged() -> None:
    assert isinstance(read_failure(build_sqlite_error(1), "here"), LogDamaged)  # SQLITE_ERROR
    assert not is_damage(build_sqlite_error(1))  # a derived store may be another release's


@pytest.mark.parametrize("code", IN_USE.values(), ids=IN_USE)
def test_file_in_use_is_not_damaged(code: int) -> None:
    assert isinstance(read_failure(build_sqlite_error(code), "here"), LogInUse)
    assert not is_damage(build_sqlite_error(code))


@pytest.mark.parametrize("code", TRANSIENT.values(), ids=TRANSIENT)
def test_transient_failure_is_not_damage(code: int) -> None:
    failure = read_failure(build_sqlite_error(code), "here")
    assert isinstance(failure, LogUnavailable)
    assert not isinstance(failure, LogInUse)


def test_error_without_a_code_is_not_damage() -> None:
    assert not is_damage(sqlite3.ProgrammingError("Cannot operate on a closed database."))


def fetch_first(cursor: sqlite3.Cursor) -> object:
    return cursor.fetchone()


def fetch_all(cursor: sqlite3.Cursor) -> object:
    return cursor.fetchall()


@pytest.mark.parametrize("fetch", [fetch_first, fetch_all, list])
def test_text_that_is_not_utf_8_is_damage_and_is_not_quoted(
    tmp_path: Path, fetch: Callable[[sqlite3.Cursor], object]
) -> None:
    with closing(connect_writer(tmp_path / "any.sqlite")) as connection, pytest.raises(sqlite3.Error) as error:
        fetch(connection.execute("SELECT CAST(x'61620aff' AS TEXT)"))
    assert is_damage(error.value)
    assert str(error.value) == "it contains text that is not UTF-8"


def test_schema_that_is_not_utf_8_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "any.sqlite"
    with closing(connect_writer(path)) as connection:
        connection.execute("CREATE TABLE any (value)")
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE TABL\xc5"))
    for connect in (connect_writer, connect_reader, connect_immutable):
        with pytest.raises(sqlite3.Error) as error, closing(connect(path)) as connection:
            connection.execute("SELECT value FROM any").fetchall()
        assert is_damage(error.value)


async def test_projection_orders_is_unavailable_but_not_damaged_after_a_transient_failure(tmp_path: Path) -> None:
    (await open_engine(MemoryLog(), tmp_path, [])).close()
    with closing(OrderReader(live_generation(tmp_path, ORDERS))) as reader:
        store = ProjectedOrders(reader, 0)
        reader._connection.set_progress_handler(lambda: 1, 1)  # SQLITE_INTERRUPT
        with pytest.raises(StoreUnavailable, match="cannot be read for now: interrupted"):
            store.position()
        reader._connection.set_progress_handler(None, 1)
        assert store.position() == 0


async def test_projection_that_cannot_be_opened_for_now_is_not_replaced(tmp_path: Path) -> None:
    path = live_generation(tmp_path, ORDERS)
    path.mkdir()
    with pytest.raises(sqlite3.OperationalError):
        await open_engine(MemoryLog(), tmp_path, [])
    assert path.is_dir()


async def test_missing_read_model_is_not_reported_as_damaged(tmp_path: Path) -> None:
    log = MemoryLog()
    model = ReadModel(tmp_path / "missing.sqlite", log.lineage, log.topic)
    with pytest.raises(Refused) as error:
        await model.read(lambda connection: None)
    assert error.value.refusal.reason == ERROR_REASON_UNAVAILABLE
    assert "damaged" not in error.value.refusal.message
    model.close()
