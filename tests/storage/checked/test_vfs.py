"""The extension that verifies files: where it is, and what it leaves alone."""

import sys
from contextlib import closing
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

from ordertrail_server.operator_error import OperatorError
from ordertrail_server.storage.checked import vfs
from ordertrail_server.storage.checked.vfs import ChecksumVfsMissing, load_checksum_vfs
from ordertrail_server.storage.connection import connect_reader, connect_writer


def test_missing_package_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    load_checksum_vfs.cache_clear()
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "meta_path", [PathFinder])
    with pytest.raises(ChecksumVfsMissing, match="package apsw is not installed") as error:
        load_checksum_vfs()
    assert isinstance(error.value, OperatorError)


def test_missing_extension_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    load_checksum_vfs.cache_clear()
    monkeypatch.setattr(vfs, "EXTENSION", "sqlite_extra_binaries/missing")
    with pytest.raises(ChecksumVfsMissing, match="cannot load the extension cksumvfs"):
        load_checksum_vfs()


def test_package_of_the_extension_is_not_imported() -> None:
    load_checksum_vfs.cache_clear()
    load_checksum_vfs()
    assert "apsw" not in sys.modules


def test_other_files_do_not_use_the_extension(tmp_path: Path) -> None:
    load_checksum_vfs()
    path = tmp_path / "any.sqlite"
    for connect in (connect_writer, connect_reader):
        with closing(connect(path)) as connection:
            assert connection.execute("PRAGMA checksum_verification").fetchall() == []
