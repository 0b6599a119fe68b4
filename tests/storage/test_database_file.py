"""The files of a database."""

from contextlib import closing
from pathlib import Path

from ordertrail_server.storage.connection import connect_reader, connect_writer
from ordertrail_server.storage.database_file import database_files, remove_database


def test_every_file_that_sqlite_keeps_is_a_database_file(tmp_path: Path) -> None:
    path = tmp_path / "any.sqlite"
    with closing(connect_writer(path)) as writer:
        writer.execute("CREATE TABLE numbers (n)")
        assert set(tmp_path.iterdir()) <= set(database_files(path))
        assert len(list(tmp_path.iterdir())) == 3


def test_remove_database_leaves_no_file(tmp_path: Path) -> None:
    path, neighbour = tmp_path / "any.sqlite", tmp_path / "any.sqlite.new"
    neighbour.touch()
    with closing(connect_writer(path)) as writer:
        writer.execute("CREATE TABLE numbers (n)")
        reader = connect_reader(path)
        reader.execute("SELECT * FROM numbers").fetchall()
    reader.close()  # the last connection is read-only, so the auxiliary files stay
    assert path.with_name("any.sqlite-wal").exists()
    remove_database(path)
    assert list(tmp_path.iterdir()) == [neighbour]


def test_remove_database_accepts_a_missing_file(tmp_path: Path) -> None:
    remove_database(tmp_path / "any.sqlite")
