"""Verifies -wal files.

The checksum VFS does not verify pages in a -wal file. Each of its frames has a checksum of its own, but SQLite verifies
it only at recovery. A checkpoint copies a damaged page into the file, where it gets a valid checksum. At recovery,
SQLite drops all commits from the first damaged frame on. If a checkpoint has copied them to the file already, the file
then holds pages of different commits, all of them with valid checksums.
"""

from contextlib import closing
from pathlib import Path
from shutil import copyfile
from struct import Struct
from tempfile import TemporaryDirectory
from time import sleep
from typing import NamedTuple

from ordertrail_server.storage.checked.empty_database import PAGE_BYTES, build_empty_database, sum_words
from ordertrail_server.storage.checked.error import WalDamaged
from ordertrail_server.storage.checked.moved_frames import MovedFrames, read_moved_frames, write_moved_frames
from ordertrail_server.storage.connection import Connection, open_connection
from ordertrail_server.storage.sqlite_error import raise_descriptor_shortage

# sqlite.org/fileformat.html, section 4.1: magic number, version, bytes of a page, number, salts, checksum.
_HEADER = Struct(">8I")
# The magic number of files with little-endian checksums, as all platforms write them for which there are wheels.
_FORMAT = (0x377F0682, 3_007_000, PAGE_BYTES)

# Another process may write to the file meanwhile, and begin its -wal file anew.
_ATTEMPTS, _PAUSE_SECONDS = 3, 0.05


class _ValidFrames(NamedTuple):
    """The salts of a -wal file (None if its header is damaged), and the frames up to the last valid commit."""

    salts: tuple[int, int] | None
    frames: int


@raise_descriptor_shortage()
def refuse_damaged_wal(path: Path) -> None:
    """Raise WalDamaged if recovery would drop commits that a checkpoint may have begun to move into the file.

    It drops later ones that are torn, as after a power cut.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            sleep(_PAUSE_SECONDS)
        try:
            if _fits_file(path):
                return
        except FileNotFoundError as error:
            if error.filename is None or Path(error.filename) != _find_wal(path):  # as of the directory for a copy
                raise
            return  # another process has just closed the file, which moved all commits into it
    raise WalDamaged(path)


@raise_descriptor_shortage()
def refuse_damaged_commits(connection: Connection, path: Path) -> None:
    """Raise WalDamaged if a commit in the -wal file is damaged. For the file's writer, between transactions."""
    _recover_all_commits(connection, path)


@raise_descriptor_shortage()
def begin_checkpoint(connection: Connection, path: Path) -> None:
    """Verify the -wal file, and record durably which frames a checkpoint may move. For the file's writer.

    Raises WalDamaged.
    """
    valid = _recover_all_commits(connection, path)
    if valid.salts is not None:
        write_moved_frames(path, MovedFrames(valid.salts, valid.frames))


def _recover_all_commits(connection: Connection, path: Path) -> _ValidFrames:
    _, frames, _ = connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
    if frames <= 0:
        return _ValidFrames(None, 0)
    valid = _recover_copy(_find_wal(path))
    if valid.frames < frames:
        raise WalDamaged(path)
    return valid


def _find_wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _fits_file(path: Path) -> bool:
    moved, wal = read_moved_frames(path), _find_wal(path)
    if not wal.exists() or wal.stat().st_size == 0:
        return True
    if moved is None:
        return False
    salts = _read_salts(wal)
    if moved.frames == 0 or (salts is not None and salts != moved.salts):
        return True  # no page of this -wal file was moved
    valid = _recover_copy(wal)
    return valid.salts == moved.salts and valid.frames >= moved.frames


def _read_salts(wal: Path) -> tuple[int, int] | None:
    """Return the salts of a -wal file, None if its header is damaged."""
    with wal.open("rb") as file:
        header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    *file_format, _, first_salt, second_salt, _, _ = _HEADER.unpack(header)
    summed, checksum = header[:-8], header[-8:]
    first, second = sum_words(summed)
    is_valid = tuple(file_format) == _FORMAT and checksum == Struct(">2I").pack(first, second)
    return (first_salt, second_salt) if is_valid else None


def _recover_copy(wal: Path) -> _ValidFrames:
    """Return what recovery finds in a -wal file.

    SQLite itself recovers a copy. Python would take ten times as long for the checksums, and block other threads.
    """
    with TemporaryDirectory(prefix="ordertrail-") as directory:
        path = Path(directory) / "copy"
        path.write_bytes(build_empty_database())
        copyfile(wal, _find_wal(path))
        salts = _read_salts(_find_wal(path))
        with closing(open_connection(path, "ro")) as connection:
            # The schema may lie on pages that this -wal file lacks. SQLite reads it, but recovery does not need it.
            connection.execute("PRAGMA writable_schema = ON")
            _, frames, _ = connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
    return _ValidFrames(salts, max(0, frames))
