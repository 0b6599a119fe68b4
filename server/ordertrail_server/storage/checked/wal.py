"""Verifies -wal files.

The checksum VFS does not verify pages in a -wal file. Each of its frames has a checksum of its own, but SQLite verifies
it only at recovery. A checkpoint copies a damaged page into the file, where it gets a valid checksum. At recovery,
SQLite drops all commits from the first damaged frame on. If a checkpoint has copied them to the file already, the file
then holds pages of different commits, all of them with valid checksums.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import copyfile
from struct import Struct
from tempfile import TemporaryDirectory

from ordertrail_server.storage.checked.empty_database import PAGE_BYTES, build_empty_database
from ordertrail_server.storage.checked.error import WalDamaged
from ordertrail_server.storage.connection import Connection, open_connection
from ordertrail_server.storage.sqlite_error import raise_descriptor_shortage

# sqlite.org/fileformat.html, section 4.1: magic number, version, bytes of a page, number, salts, checksum.
_HEADER = Struct(">8I")
# The magic number of files with little-endian checksums, as all platforms write them for which there are wheels.
_FORMAT = (0x377F0682, 3_007_000, PAGE_BYTES)
# The number of the page, the pages of the file after a commit (0 in all other frames), salts, checksum.
_FRAME_HEADER = Struct(">6I")
_FRAME_BYTES = _FRAME_HEADER.size + PAGE_BYTES


@raise_descriptor_shortage()
def refuse_damaged_wal(path: Path) -> None:
    """Raise WalDamaged if recovery would drop commits from the -wal file of `path`. For a file that is not open.

    A power cut that tore the last commits is refused too.
    """
    wal = _find_wal(path)
    if wal.exists() and wal.stat().st_size > _HEADER.size and not _is_sound(wal):
        raise WalDamaged


@raise_descriptor_shortage()
def refuse_damaged_commits(connection: Connection, path: Path) -> None:
    """Raise WalDamaged if a commit in the -wal file is damaged. For the file's writer, between transactions."""
    _, frames, _ = connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
    if frames > 0 and _count_valid_frames(_find_wal(path)) < frames:
        raise WalDamaged


def _find_wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _is_sound(wal: Path) -> bool:
    with wal.open("rb") as file:
        *file_format, _, first_salt, second_salt, _, _ = _HEADER.unpack(file.read(_HEADER.size))
    salts = (first_salt, second_salt)
    return tuple(file_format) == _FORMAT and all(
        _is_leftover(frame, salts) for frame in _read_frames(wal, _count_valid_frames(wal))
    )


def _is_leftover(frame: tuple[int, ...], salts: tuple[int, ...]) -> bool:
    """Return whether a sound file may contain the frame after its last commit, because a process was killed."""
    _, commit_pages, first_salt, second_salt, _, _ = frame
    is_uncommitted = commit_pages == 0 and (first_salt, second_salt) == salts
    # A transaction that changes a page again writes no salts before its commit.
    is_unfinished = first_salt == second_salt == 0
    # When SQLite begins the file anew, it increments the first salt and chooses the second one at random.
    is_older = first_salt == (salts[0] - 1) & 0xFFFFFFFF and second_salt != salts[1]
    return is_uncommitted or is_unfinished or is_older


def _read_frames(wal: Path, first: int) -> Iterator[tuple[int, ...]]:
    """Yield the headers of all complete frames from number `first` on."""
    size = wal.stat().st_size
    with wal.open("rb") as file:
        for offset in range(_HEADER.size + first * _FRAME_BYTES, size - _FRAME_BYTES + 1, _FRAME_BYTES):
            file.seek(offset)
            yield _FRAME_HEADER.unpack(file.read(_FRAME_HEADER.size))


def _count_valid_frames(wal: Path) -> int:
    """Return the number of frames up to the last commit that recovery finds.

    SQLite itself recovers a copy. Python would take ten times as long for the checksums, and block other threads.
    """
    with TemporaryDirectory(prefix="ordertrail-") as directory:
        path = Path(directory) / "copy"
        path.write_bytes(build_empty_database())
        copyfile(wal, _find_wal(path))
        with closing(open_connection(path, "ro")) as connection:
            frames: int
            _, frames, _ = connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
    return max(0, frames)
