"""A small file beside a checked file: up to which frame of the -wal file pages may have been moved into the file.

It is written before a checkpoint begins. A -wal file that lacks later frames only lacks commits, as after a power cut.
A -wal file that lacks one of these frames does not fit the file any more.
"""

import os
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from ordertrail_server.storage.connection import FILE_MODE
from ordertrail_server.storage.database_file import MOVED_FRAMES_SUFFIX

# The salts, the number of frames, and a checksum. It is shorter than a sector, so a power cut does not tear it.
_RECORD = Struct(">3I")
_CHECKSUM = Struct(">I")


class MovedFrames(NamedTuple):
    """The salts of a -wal file, and the number of its first frames whose pages may be in the file."""

    salts: tuple[int, int]
    frames: int


NONE = MovedFrames((0, 0), 0)


def read_moved_frames(path: Path) -> MovedFrames | None:
    """Return the record of a checked file; None if there is none, or if it is damaged."""
    try:
        content = _find(path).read_bytes()
    except FileNotFoundError:
        return None
    record, checksum = content[: _RECORD.size], content[_RECORD.size :]
    if len(record) != _RECORD.size or checksum != _CHECKSUM.pack(crc32(record)):
        return None
    first_salt, second_salt, frames = _RECORD.unpack(record)
    return MovedFrames((first_salt, second_salt), frames)


def write_moved_frames(path: Path, moved: MovedFrames, *, is_durable: bool = True) -> None:
    """Replace the record of a checked file."""
    record = _RECORD.pack(*moved.salts, moved.frames)
    descriptor = os.open(_find(path), os.O_WRONLY | os.O_CREAT, FILE_MODE)
    try:
        os.pwrite(descriptor, record + _CHECKSUM.pack(crc32(record)), 0)
        if is_durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _find(path: Path) -> Path:
    return path.with_name(f"{path.name}{MOVED_FRAMES_SUFFIX}")
