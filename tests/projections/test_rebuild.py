"""The rebuild folds from offset 0 into a new file, which replaces the live one in one step."""

from contextlib import closing
from pathlib import Path

import pytest
from tests.log.embedded.power_cut import watch_syncs
from tests.projections.stored_rows import indexes, rows
from tests.projections.story import CONFIRMED, PLACED, PLUM_ADDED, Story, write_log

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.projections.definition import read_model_file
from ordertrail_server.projections.rebuild import RebuildReport, rebuild
from ordertrail_server.storage import connection as connection_module
from ordertrail_server.storage.connection import connect_reader, connect_writer
from ordertrail_server.storage.lock import DataDirectoryRefused


@pytest.fixture
def data(tmp_path: Path) -> Path:
    story = Story()
    story.fact("order-1", PLACED)
    story.fact("order-2", PLACED)
    story.statement("order-3")
    story.repeat("order-1", version=1)
    story.future("order-2")
    story.fact("order-2", CONFIRMED)
    story.fact("order-1", PLUM_ADDED)
    write_log(tmp_path, story.records[0])
    return tmp_path


def live(data: Path) -> Path:
    return read_model_file(DataDirectory(data).read_model)


def test_rebuild_reports_its_counts_and_its_progress(data: Path) -> None:
    progress: list[tuple[int, int]] = []
    report = rebuild(data, lambda done, total: progress.append((done, total)))
    assert report == RebuildReport(7, 3, 4, 1, waiting=2, parked=1)
    assert progress == [(7, 7)]


@pytest.mark.parametrize("damage", ["none", "row", "file", "missing"])
def test_rebuild_replaces_a_live_file_in_any_condition(data: Path, damage: str) -> None:
    rebuild(data, lambda done, total: None)
    expected_rows, expected_indexes = rows(live(data)), indexes(live(data))
    if damage == "file":
        live(data).write_bytes(b"no SQLite file at all")
        live(data).with_name(f"{live(data).name}-wal").write_bytes(b"left by another file")
    elif damage == "row":
        live(data).write_bytes(live(data).read_bytes().replace(b"order-3", b"order-4"))
    elif damage == "missing":
        live(data).unlink()
    rebuild(data, lambda done, total: None)
    assert [path.name for path in live(data).parent.iterdir()] == [live(data).name]
    assert (rows(live(data)), indexes(live(data))) == (expected_rows, expected_indexes)


@pytest.mark.parametrize("is_in_transaction", [False, True], ids=["reader is open", "reader is in a transaction"])
def test_commits_in_the_wal_file_of_the_old_file_do_not_reach_the_new_one(
    data: Path, monkeypatch: pytest.MonkeyPatch, is_in_transaction: bool
) -> None:
    monkeypatch.setattr(connection_module, "BUSY_SECONDS", 0.1)
    rebuild(data, lambda done, total: None)
    expected_rows = rows(live(data))
    with closing(connect_reader(live(data))) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM orders").fetchall()
        with closing(connect_writer(live(data))) as writer:
            writer.execute("UPDATE orders SET version = 99")
        if not is_in_transaction:
            reader.execute("COMMIT")
        rebuild(data, lambda done, total: None)
        assert rows(live(data)) == expected_rows
    assert rows(live(data)) == expected_rows


@pytest.mark.parametrize("live_file", ["none", "stale"])
def test_rebuilt_file_survives_a_power_cut_under_its_name(data: Path, live_file: str) -> None:
    if live_file == "stale":
        rebuild(data, lambda done, total: None)
    with watch_syncs() as names:
        rebuild(data, lambda done, total: None)
    assert names.survives(live(data), below=live(data).parent)


def test_rebuild_discards_the_file_of_an_interrupted_rebuild(data: Path) -> None:
    rebuild(data, lambda done, total: None)
    expected_rows = rows(live(data))

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(data, interrupt)
    assert rows(live(data)) == expected_rows
    assert rebuild(data, lambda done, total: None).records == 7
    assert rows(live(data)) == expected_rows


def test_rebuild_refuses_a_directory_without_a_log(tmp_path: Path) -> None:
    with pytest.raises(DataDirectoryRefused, match="holds no log"):
        rebuild(tmp_path, lambda done, total: None)
