"""A migration that is killed at any point leaves a whole log of the old or of the new format."""

import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path

from tests.log.contract import build_logged_records
from tests.log.embedded.format_1 import APPENDED, create_format_1, read_format, read_schema

from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.log.embedded.file import LOG_FILE
from ordertrail_server.storage.connection import connect_reader

PROGRAM = [sys.executable, str(Path(__file__).with_name("killed_opener.py"))]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
INSTRUCTIONS = range(1, 3601, 60)  # a migration takes 2,700 here
HEADER, FRAME = 32, 24 + 4096  # of a -wal file


def create_directories(parent: Path, numbers: Iterable[int]) -> list[Path]:
    return [create_format_1(parent / str(number)) for number in numbers]


def open_and_kill(kill_at: str, directories: list[Path]) -> list[int]:
    """Return the format of each log after the kill of the process that opened it."""
    subprocess.run([*PROGRAM, kill_at, *map(str, directories)], env=ENVIRONMENT, check=True)
    return [read_format(directory) for directory in directories]


async def require_whole(directories: list[Path], formats: list[int], parent: Path) -> None:
    """Fail unless each log has exactly the schema of its format, and all its records after the next opening."""
    await open_to_serve(parent / "new").close()
    schemas = {1: read_schema(create_format_1(parent / "old")), 2: read_schema(parent / "new")}
    for directory, format_ in zip(directories, formats, strict=True):
        assert read_schema(directory) == schemas[format_]
        log = open_to_serve(directory)
        for partition, entries in enumerate(APPENDED):
            assert await log.read(partition, 0, 100) == build_logged_records(entries)
        await log.close()
        assert read_schema(directory) == schemas[2]


async def test_kill_at_any_instruction_leaves_a_whole_log(tmp_path: Path) -> None:
    directories = create_directories(tmp_path, INSTRUCTIONS)
    formats = open_and_kill("instructions", directories)
    assert formats == sorted(formats)
    assert set(formats) == {1, 2}
    await require_whole(directories, formats, tmp_path)


async def test_kill_at_any_page_of_the_commit_leaves_a_whole_log(tmp_path: Path) -> None:
    directories = create_directories(tmp_path, [HEADER + FRAME * frame + FRAME // 2 for frame in range(1, 12)])
    with ExitStack() as stack:
        for directory in directories:  # a reader's -shm file has its full size, so the limit does not concern it
            reader = stack.enter_context(closing(connect_reader(directory / LOG_FILE)))
            reader.execute("SELECT * FROM log").fetchall()
        formats = open_and_kill("bytes", directories)
    assert formats == sorted(formats)
    assert set(formats) == {1, 2}
    await require_whole(directories, formats, tmp_path)
