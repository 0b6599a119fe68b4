"""Renames that exchange two names, or replace nothing."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.storage.old_system import without_renameat2

from ordertrail_server.storage.rename import RenameUnsupported, exchange_names, rename_to_unused


@pytest.fixture(params=["renameat2", "no renameat2"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with nullcontext() if request.param == "renameat2" else without_renameat2(monkeypatch):
        yield


@pytest.mark.usefixtures("system")
def test_file_gets_an_unused_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    rename_to_unused(tmp_path / "a", tmp_path / "b")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("b", "a")]


@pytest.mark.usefixtures("system")
def test_existing_file_is_not_replaced(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    with pytest.raises(FileExistsError):
        rename_to_unused(tmp_path / "a", tmp_path / "b")
    assert [(tmp_path / name).read_text() for name in ("a", "b")] == ["a", "b"]


def test_directories_exchange_their_names(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    exchange_names(tmp_path / "a", tmp_path / "b")
    assert [(tmp_path / name / "file").read_text() for name in ("a", "b")] == ["b", "a"]


def test_missing_name_cannot_be_exchanged(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(FileNotFoundError, match="a"):
        exchange_names(tmp_path / "a", tmp_path / "b")


def test_system_without_exchange_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    with without_renameat2(monkeypatch), pytest.raises(RenameUnsupported):
        exchange_names(tmp_path / "a", tmp_path / "b")
    assert [(tmp_path / name).read_text() for name in ("a", "b")] == ["a", "b"]
