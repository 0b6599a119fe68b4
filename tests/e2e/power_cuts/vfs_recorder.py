"""Records what SQLite does to the files of one database, in the SQLite library that the server uses.

SQLite reaches files through a virtual file system, a struct of function pointers (sqlite.org/vfs.html). The recorder
replaces some of them in memory by functions that call the original one and then note the operation. So it needs no
compiler, no tool that traces processes, and no rights. SQLite's library exports no functions, but hands a table of them
to each extension, and the extension that the server loads exports its pointer to this table.
"""

import ctypes
import os
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from typing import Any

from tests.e2e.power_cuts.journal import SUFFIXES, JournalWriter, Kind, Operation

from ordertrail_server.storage.checked import vfs

# The place of `vfs_find` in sqlite3_api_routines (sqlite3ext.h), where functions are only ever added at the end.
_VFS_FIND = 141
# A table of methods: its version, and the methods of sqlite3_io_methods of version 3.
_METHODS = c_void_p * 19
_WRITE, _TRUNCATE, _SYNC = 3, 4, 5

_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_ON_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_ON_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_ON_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)


# SQLite calls them as long as the process runs.
_callbacks: list[Any] = []


class _Vfs(Structure):
    """The beginning of sqlite3_vfs."""

    _fields_ = (
        ("version", c_int),
        ("file_bytes", c_int),
        ("path_bytes", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        ("open", c_void_p),
        ("delete", c_void_p),
    )


class VfsRecorder:
    """Records the operations on a database from `install` on, until the process ends."""

    def __init__(self, database: Path, journal: JournalWriter) -> None:
        self._suffixes = {os.fsencode(f"{database.absolute()}{suffix}"): suffix for suffix in SUFFIXES}
        self._journal = journal
        self._open_files: dict[int, str] = {}
        self._tables: dict[int, Any] = {}

    def install(self) -> None:
        """Replace the functions of the VFS `unix`, which all connections of the server name."""
        unix = _find_vfs(b"unix")
        self._original_open, self._original_delete = _OPEN(unix.open), _DELETE(unix.delete)
        unix.open, unix.delete = _keep(_OPEN(self._open)), _keep(_DELETE(self._delete))

    def _open(self, vfs_: int, name: int, file: int, flags: int, out_flags: int) -> int:
        path = ctypes.string_at(name) if name else b""
        suffix, is_new = self._suffixes.get(path), not os.path.exists(path)
        code = int(self._original_open(vfs_, name, file, flags, out_flags))
        if code == 0 and suffix is not None:
            self._open_files[file] = suffix
            if is_new:
                self._journal.note(Operation(Kind.CREATE, suffix))
            methods = c_void_p.from_address(file)
            methods.value = self._wrap(methods.value or 0)
        return code

    def _delete(self, vfs_: int, name: int, is_synced: int) -> int:
        suffix = self._suffixes.get(ctypes.string_at(name))
        code = int(self._original_delete(vfs_, name, is_synced))
        if code == 0 and suffix is not None:
            self._journal.note(Operation(Kind.DELETE, suffix))
        return code

    def _wrap(self, table: int) -> int:
        """Return the address of a table of methods that records, and otherwise does what the original table does."""
        if table not in self._tables:
            self._tables[table] = self._build_table(_METHODS.from_address(table))
        return ctypes.addressof(self._tables[table])

    def _build_table(self, original: Any) -> Any:
        write, truncate, sync = (
            _ON_WRITE(original[_WRITE]),
            _ON_TRUNCATE(original[_TRUNCATE]),
            _ON_SYNC(original[_SYNC]),
        )

        def on_write(file: int, data: int, size: int, offset: int) -> int:
            raw = ctypes.string_at(data, size)
            return self._note(write(file, data, size, offset), file, Kind.WRITE, offset, raw)

        def on_truncate(file: int, size: int) -> int:
            return self._note(truncate(file, size), file, Kind.TRUNCATE, size)

        def on_sync(file: int, flags: int) -> int:
            return self._note(sync(file, flags), file, Kind.SYNC)

        table = _METHODS.from_buffer_copy(original)
        table[_WRITE], table[_TRUNCATE] = _keep(_ON_WRITE(on_write)), _keep(_ON_TRUNCATE(on_truncate))
        table[_SYNC] = _keep(_ON_SYNC(on_sync))
        return table

    def _note(self, code: int, file: int, kind: Kind, offset: int = 0, data: bytes = b"") -> int:
        if code == 0:
            self._journal.note(Operation(kind, self._open_files[file], offset, data))
        return code


def _keep(callback: Any) -> int | None:
    """Keep a callback, and return its address."""
    _callbacks.append(callback)
    return ctypes.cast(callback, c_void_p).value


def _find_vfs(name: bytes) -> Any:
    vfs.load_checksum_vfs()
    extension = ctypes.CDLL(f"{vfs._find_package() / vfs.EXTENSION}.so")
    routines = ctypes.cast(c_void_p.in_dll(extension, "sqlite3_api"), POINTER(c_void_p))
    find = CFUNCTYPE(c_void_p, c_char_p)(routines[_VFS_FIND])
    return _Vfs.from_address(find(name))
