"""The journal of what a process did to the files of a database: one operation after the other, in a file."""

import os
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from struct import Struct
from typing import NamedTuple

_HEADER = Struct("<BBQI")


class Kind(IntEnum):
    """What an operation does to its file."""

    CREATE = 0
    WRITE = 1
    TRUNCATE = 2
    SYNC = 3
    DELETE = 4


class Operation(NamedTuple):
    """An operation on a file, named by the suffix of its name. `offset` is the new size in a truncation."""

    kind: Kind
    suffix: str
    offset: int = 0
    data: bytes = b""


SUFFIXES = ("", "-wal")


class JournalWriter:
    """Appends operations to a journal. Each is in the file when `note` returns, also if the process is killed then."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(self, operation: Operation) -> None:
        kind, suffix, offset, data = operation
        header = _HEADER.pack(kind, SUFFIXES.index(suffix), offset, len(data))
        os.write(self._descriptor, header + data)


def read_journal(path: Path) -> Iterator[tuple[int, Operation]]:
    """Yield each operation, with the size that the journal had after it. A torn last one is left out."""
    raw, begin = path.read_bytes(), 0
    while begin + _HEADER.size <= len(raw):
        kind, suffix, offset, size = _HEADER.unpack_from(raw, begin)
        data_begin = begin + _HEADER.size
        begin = data_begin + size
        if begin > len(raw):
            return
        yield begin, Operation(Kind(kind), SUFFIXES[suffix], offset, raw[data_begin:begin])
