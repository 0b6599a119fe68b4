"""SQLite's checksum VFS (sqlite.org/cksumvfs.html), which verifies each page that is read from a file.

It is an extension of SQLite. The package apsw carries it, for the platforms for which it has a wheel.
"""

from contextlib import closing
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ordertrail_server.operator_error import OperatorError
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import OutOfDescriptors, raise_descriptor_shortage

NAME = "cksmvfs"
RESERVED_BYTES = 8
"""The bytes at the end of each page that hold its checksum. The VFS ignores files with any other number."""

# SQLite adds the platform's suffix.
EXTENSION = "sqlite_extra_binaries/cksumvfs"


class ChecksumVfsMissing(OperatorError):
    """SQLite cannot load the extension that verifies files."""


@cache
def load_checksum_vfs() -> None:
    """Load the VFS into SQLite for the life of the process. Raises ChecksumVfsMissing.

    It becomes the default VFS of the process. For files without reserved bytes it changes nothing.
    """
    package = _find_package()
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.enable_load_extension(True)
        try:
            with raise_descriptor_shortage():
                connection.load_extension(str(package / EXTENSION))
        except OutOfDescriptors:
            raise
        except sqlite3.Error as error:
            raise ChecksumVfsMissing(
                f"SQLite cannot load the extension cksumvfs of the package apsw: {error}. Ordertrail needs a wheel of "
                "apsw for this platform: install one with `pip install --force-reinstall --only-binary apsw apsw`."
            ) from error


def _find_package() -> Path:
    # The package is not imported, because it would bring a second SQLite into the process.
    spec = find_spec("apsw")
    if spec is None or not spec.submodule_search_locations:
        raise ChecksumVfsMissing(
            "the package apsw is not installed. It carries SQLite's extension cksumvfs, which verifies files: "
            "install it with `pip install 'ordertrail[server]'`."
        )
    return Path(spec.submodule_search_locations[0])
