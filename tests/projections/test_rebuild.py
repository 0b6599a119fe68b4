"""The rebuild folds from offset 0 into new files, each of which replaces the live one in one step."""

from contextlib import closing
from pathlib import Path

import pytest
from tests.log.embedded.power_cut import watch_syncs
from tests.projections.engine_files import FoldedRows, read_folded_rows
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder, write_log
from tests.projections.stored_rows import indexes

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.rebuild import RebuildReport, rebuild
from ordertrail_server.storage import connection as connection_module
from ordertrail_server.storage.connection import connect_reader, connect_writer
from ordertrail_server.storage.lock import DataDirectoryRefused


@pytest.fixture
def data(tmp_path: Path) -> Path:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_fact("order-2", PLACED)
    builder.add_statement("order-3")
    builder.add_repetition("order-1", version=1)
    builder.add_future_event("order-2")
    builder.add_fact("order-2", CONFIRMED)
    builder.add_fact("order-1", PLUM_ADDED)
    write_log(tmp_path, builder.records[0])
    return tmp_path


def find_live_file(data: Path, name: str) -> Path:
    return live_generation(DataDirectory(data).projections, name)


def read_live_rows(data: Path) -> FoldedRows:
    return read_folded_rows(DataDirectory(data).projections)


def test_rebuild_reports_its_counts_and_its_progress(data: Path) -> None:
    progress: list[tuple[int, int]] = []
    report = rebuild(data, lambda done, total: progress.append((done, total)))
    assert report == RebuildReport(7, 3, 4, 1, waiting=2, parked=1)
    assert progress == [(7, 7)]


@pytest.mark.parametrize("name", [ORDERS, HISTORY])
@pytest.mark.parametrize("damage", ["none", "row", "file", "missing"])
def test_rebuild_replaces_a_live_file_in_any_condition(data: Path, name: str, damage: str) -> None:
    rebuild(data, lambda done, total: None)
    file = find_live_file(data, name)
    expected_rows, expected_indexes = read_live_rows(data), indexes(file)
    if damage == "file":
        file.write_bytes(b"no SQLite file at all")
        file.with_name(f"{file.name}-wal").write_bytes(b"left by another file")
    elif damage == "row":
        file.write_bytes(file.read_bytes().replace(b"order-3", b"order-4"))
    elif damage == "missing":
        file.unlink()
    rebuild(data, lambda done, total: None)
    files = sorted(path.name for path in file.parent.iterdir() if path.is_file())
    assert files == sorted(find_live_file(data, of).name for of in (ORDERS, HISTORY))
    assert (read_live_rows(data), indexes(file)) == (expected_rows, expected_indexes)


@pytest.mark.parametrize(("name", "table"), [(ORDERS, "orders"), (HISTORY, "events")])
@pytest.mark.parametrize("is_in_transaction", [False, True], ids=["reader is open", "reader is in a transaction"])
def test_commits_in_the_wal_file_of_the_old_file_do_not_reach_the_new_one(
    data: Path, monkeypatch: pytest.MonkeyPatch, is_in_transaction: bool, name: str, table: str
) -> None:
    monkeypatch.setattr(connection_module, "BUSY_SECONDS", 0.1)
    rebuild(data, lambda done, total: None)
    expected_rows = read_live_rows(data)
    with closing(connect_reader(find_live_file(data, name))) as reader:
        reader.execute("BEGIN")
        reader.execute(f"SELECT * FROM {table}").fetchall()
        with closing(connect_writer(find_live_file(data, name))) as writer:
            writer.execute(f"UPDATE {table} SET version = version + 99")
        if not is_in_transaction:
            reader.execute("COMMIT")
        rebuild(data, lambda done, total: None)
        assert read_live_rows(data) == expected_rows
    assert read_live_rows(data) == expected_rows


@pytest.mark.parametrize("live_file", ["none", "stale"])
def test_rebuilt_file_is_durable_under_its_final_name(data: Path, live_file: str) -> None:
    if live_file == "stale":
        rebuild(data, lambda done, total: None)
    with watch_syncs() as names:
        rebuild(data, lambda done, total: None)
    for name in (ORDERS, HISTORY):
        file = find_live_file(data, name)
        assert names.survives(file, below=file.parent)


def test_rebuild_discards_the_file_of_an_interrupted_rebuild(data: Path) -> None:
    rebuild(data, lambda done, total: None)
    expected_rows = read_live_rows(data)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(data, interrupt)
    assert read_live_rows(data) == expected_rows
    assert rebuild(data, lambda done, total: None).records == 7
    assert read_live_rows(data) == expected_rows


def test_rebuild_refuses_a_directory_without_a_log(tmp_path: Path) -> None:
    with pytest.raises(DataDirectoryRefused, match="holds no log"):
        rebuild(tmp_path, lambda done, total: None)
