"""Reading a data directory needs no permission to write to it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.cli.command_line import ENVIRONMENT, ROOT
from tests.log.contract import build_entries
from tests.log.embedded.format_1 import create_format_1
from tests.log.embedded.processes import read_acknowledged_offset, run_appender

PROGRAM = [sys.executable, str(Path(__file__).with_name("unprivileged.py"))]
BATCHES = 5
RECORDS = 15
KEYS = [entry.key for entry in build_entries(RECORDS)]


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that every user can enter, unlike those of pytest."""
    with TemporaryDirectory(prefix="ordertrail-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        allow_writing(Path(name))


@pytest.fixture(params=["stopped", "killed", "killed, without -shm", "stopped, with an empty -wal"])
def data(request: pytest.FixtureRequest, shared: Path) -> Path:
    """The directory of a server that is no longer running."""
    data = shared / "data"
    with run_appender(data, BATCHES) as process:
        read_acknowledged_offset(process, RECORDS)
        if request.param.startswith("killed"):
            process.kill()
        process.communicate("")
    if request.param == "killed, without -shm":
        (data / "log.sqlite-shm").unlink()
    if request.param == "stopped, with an empty -wal":
        (data / "log.sqlite-wal").touch()
    return data


def allow_writing(directory: Path) -> None:
    for path in [directory, *directory.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def forbid_writing(directory: Path) -> None:
    for path in [directory, *directory.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


def start(data: Path, *command: str) -> "subprocess.Popen[str]":
    """Start a command as a user who may not write to the directory."""
    rehearsal = data.parent / "rehearsal"
    if not rehearsal.exists():
        with run_appender(rehearsal, 1) as process:
            read_acknowledged_offset(process, 1)
            process.communicate("")
    return subprocess.Popen(
        [*PROGRAM, str(rehearsal), *command],
        env=ENVIRONMENT | {"ORDERTRAIL_READ_ONLY": str(data), "PYTHONPATH": f"{ENVIRONMENT['PYTHONPATH']}:{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(data: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    running = start(data, *command)
    output, errors = running.communicate(timeout=60)
    return subprocess.CompletedProcess(command, running.returncode, output, errors)


def parse_keys(lines: str) -> list[str]:
    return [json.loads(line)["key"] for line in lines.splitlines()]


def test_reader_without_write_permission_reads_the_whole_log(data: Path) -> None:
    forbid_writing(data)
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    result = run(data, "tail", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    assert parse_keys(result.stdout) == KEYS
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before


def test_reader_without_write_permission_reads_a_log_of_format_1(shared: Path) -> None:
    data = create_format_1(shared / "data", [build_entries(RECORDS)])
    before = (data / "log.sqlite").read_bytes()
    forbid_writing(data)
    result = run(data, "tail", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    assert parse_keys(result.stdout) == KEYS
    assert (data / "log.sqlite").read_bytes() == before


def test_reader_without_write_permission_reads_a_log_in_use(shared: Path) -> None:
    data = shared / "data"
    with run_appender(data, BATCHES) as process:
        read_acknowledged_offset(process, RECORDS)
        forbid_writing(data)
        result = run(data, "tail", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    assert parse_keys(result.stdout) == KEYS


def test_rebuild_without_write_permission_is_refused(data: Path) -> None:
    forbid_writing(data)
    result = run(data, "rebuild")
    assert result.returncode == 1
    assert result.stderr == (
        f"Error: {data} cannot be written to (Permission denied): run the command as the user that serves it.\n"
    )


@pytest.mark.parametrize("hidden", ["", "log.sqlite", "log.sqlite-wal", "log.sqlite-shm"])
def test_file_without_read_permission_is_named(shared: Path, hidden: str) -> None:
    data = shared / "data"
    with run_appender(data, BATCHES) as process:
        read_acknowledged_offset(process, RECORDS)
        process.kill()
    forbid_writing(data)
    (data / hidden).chmod(0)
    result = run(data, "tail")
    assert (result.returncode, result.stdout) == (1 if hidden else 2, "")
    assert "Traceback" not in result.stderr
    if hidden:
        cause = "cannot be read (Permission denied): run as a user who may read it."
        assert result.stderr == f"Error: {data / hidden} {cause}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="the server must be another user than the reader")
def test_following_reader_survives_start_and_stop_of_a_server(shared: Path) -> None:
    data = shared / "data"
    with run_appender(data, 1) as process:
        read_acknowledged_offset(process, 1)
        process.communicate("")
    forbid_writing(data)
    following = start(data, "tail", "--json", "--follow")
    assert following.stdout is not None
    try:
        lines = [following.stdout.readline()]
        for _ in range(2):
            with run_appender(data, 2) as process:
                count = read_acknowledged_offset(process, 3) + 1
                lines += [following.stdout.readline() for _ in range(count - len(lines))]
                process.communicate("")
    finally:
        following.kill()
        following.communicate()
    assert parse_keys("".join(lines)) == [entry.key for entry in build_entries(len(lines))]
    assert len(lines) == 7


def test_copied_directory_without_lock_file_can_be_read(shared: Path, tmp_path: Path) -> None:
    data = shared / "data"
    with run_appender(tmp_path / "data", BATCHES) as process:
        read_acknowledged_offset(process, RECORDS)
        process.communicate("")
    data.mkdir()
    shutil.copy(tmp_path / "data" / "log.sqlite", data)
    forbid_writing(data)
    assert parse_keys(run(data, "tail", "--json").stdout) == KEYS
