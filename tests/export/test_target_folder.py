"""An export gets its names when it is complete, and replaces another one only on request."""

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.command_line import ENVIRONMENT, ROOT
from tests.export.folded_directory import fold_both
from tests.projections.log_builder import LogBuilder, build_many_orders, create_log

from ordertrail_server.export.export import export
from ordertrail_server.export.export_error import ExportRefused
from ordertrail_server.export.file_format import FileFormat
from ordertrail_server.export.table import TABLES
from ordertrail_server.log.port import Entry

BLOCKED_EXPORT = [sys.executable, "-m", "tests.export.blocked_export"]
ORDERS = 40
FULL_BYTES = 100


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    log = await create_log(LogBuilder())
    entries: list[Entry] = [*build_many_orders(ORDERS)]
    await log.append(0, entries)
    await fold_both(log, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "nested" / "export"


def write_export(data: Path, target: Path, file_format: FileFormat, *, replaces: bool = False) -> None:
    export(data, target, file_format, lambda done, total: None, replaces=replaces)


def list_files(target: Path) -> set[str]:
    return {path.name for path in target.iterdir()}


def expected_files(file_format: FileFormat) -> set[str]:
    return {"export.json", *(f"{table.name}.{file_format.value}" for table in TABLES)}


@contextmanager
def block_export(
    data: Path, target: Path, file_format: FileFormat = FileFormat.CSV
) -> Iterator["subprocess.Popen[str]"]:
    """Start an export. The body begins when it has written a part of its first file."""
    process = subprocess.Popen(
        [*BLOCKED_EXPORT, str(data), str(target), file_format.value],
        env=ENVIRONMENT | {"PYTHONPATH": f"{ENVIRONMENT['PYTHONPATH']}:{ROOT}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "blocked\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("file_format", FileFormat)
def test_complete_export_has_three_files_and_a_summary(data: Path, target: Path, file_format: FileFormat) -> None:
    write_export(data, target, file_format)
    assert list_files(target) == expected_files(file_format)
    summary = json.loads((target / "export.json").read_text())
    assert summary["rows"] == {"order_versions": 3 * ORDERS, "line_versions": 3 * ORDERS, "events": 3 * ORDERS}
    assert (summary["format"], summary["offsets"], summary["parkedOrders"]) == (file_format.value, {"0": 120}, [])
    assert {path.stat().st_mode & 0o777 for path in target.iterdir()} == {0o640}


@pytest.mark.parametrize("name", ["export.json", "events.jsonl", "events.parquet"])
def test_folder_with_a_file_of_an_export_is_refused(data: Path, target: Path, name: str) -> None:
    target.mkdir(parents=True)
    (target / name).write_text("precious")
    with pytest.raises(ExportRefused, match=f"already holds {name}.*--replace"):
        write_export(data, target, FileFormat.JSON_LINES)
    assert list_files(target) == {name}
    assert (target / name).read_text() == "precious"


def test_replaced_export_leaves_no_file_of_the_earlier_one(data: Path, target: Path) -> None:
    write_export(data, target, FileFormat.CSV)
    (target / "notes.txt").write_text("other file")
    write_export(data, target, FileFormat.JSON_LINES, replaces=True)
    assert list_files(target) == expected_files(FileFormat.JSON_LINES) | {"notes.txt"}


def test_killed_export_leaves_no_file_that_looks_complete(data: Path, target: Path) -> None:
    with block_export(data, target) as process:
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert list_files(target) == {"export.json.partial", "order_versions.csv.partial"}
    write_export(data, target, FileFormat.CSV)
    assert list_files(target) == expected_files(FileFormat.CSV)


def test_export_removes_what_a_killed_one_of_another_format_left(data: Path, target: Path) -> None:
    target.mkdir(parents=True)
    (target / "events.csv.partial").write_text("left")
    write_export(data, target, FileFormat.JSON_LINES)
    assert list_files(target) == expected_files(FileFormat.JSON_LINES)


def test_export_writes_to_no_file_that_a_link_names(data: Path, target: Path, tmp_path: Path) -> None:
    target.mkdir(parents=True)
    (tmp_path / "precious").write_text("precious")
    for name in ("export.json", "events.csv", "events.csv.partial", "export.json.partial"):
        (target / name).symlink_to(tmp_path / "precious")
    write_export(data, target, FileFormat.CSV, replaces=True)
    assert list_files(target) == expected_files(FileFormat.CSV)
    assert (tmp_path / "precious").read_text() == "precious"


def test_directory_in_place_of_a_file_is_refused_and_the_earlier_export_is_kept(data: Path, target: Path) -> None:
    write_export(data, target, FileFormat.CSV)
    before = {path: path.read_bytes() for path in target.iterdir()}
    (target / "events.jsonl").mkdir()
    with pytest.raises(ExportRefused, match=r"events\.jsonl is a directory"):
        write_export(data, target, FileFormat.JSON_LINES, replaces=True)
    (target / "events.jsonl").rmdir()
    assert {path: path.read_bytes() for path in target.iterdir()} == before


def test_second_export_into_a_folder_is_refused(data: Path, target: Path) -> None:
    with block_export(data, target) as process:
        with pytest.raises(ExportRefused, match="Another export writes to"):
            write_export(data, target, FileFormat.JSON_LINES, replaces=True)
        process.communicate("\n" * 3)
    assert process.returncode == 0
    assert list_files(target) == expected_files(FileFormat.CSV)


@pytest.mark.parametrize("file_format", FileFormat)
def test_export_to_a_full_disk_fails_and_keeps_the_earlier_export(
    data: Path, target: Path, file_format: FileFormat
) -> None:
    write_export(data, target, FileFormat.CSV)
    before = {path: path.read_bytes() for path in target.iterdir()}
    with block_export(data, target, file_format) as process:
        # The limit of the size of a file, because a test cannot fill the disk.
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (FULL_BYTES, FULL_BYTES))
        _, errors = process.communicate("\n" * 3)
    partial = target / f"order_versions.{file_format.value}.partial"
    assert (process.returncode, errors) == (1, f"{partial}: File too large\n")
    assert {path: path.read_bytes() for path in target.iterdir()} == before


def test_target_that_cannot_be_created_is_named(data: Path) -> None:
    file = data / "file"
    file.touch()
    with pytest.raises(NotADirectoryError, match=r"file/export"):
        write_export(data, file / "export", FileFormat.CSV)
