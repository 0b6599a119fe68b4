"""Reads files that settings name, and that anything may replace while a server runs."""

import os
from errno import EINVAL
from pathlib import Path
from stat import S_ISREG


def read_regular_file(path: Path, max_bytes: int = -1) -> bytes:
    """Return the first bytes of a file, by default all. Raises OSError, also for what is no regular file.

    A pipe would let its reader wait for a writer. The thread that reads a file again would then never read it again,
    and the server could not stop.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        if not S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(EINVAL, "it is not a regular file", str(path))
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(max_bytes)
    finally:
        os.close(descriptor)
