"""The stderr of a server, which is shown only if its measurement fails, because it would interleave with the table."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO


@contextmanager
def hide_unless_failed() -> Iterator[IO[bytes]]:
    """Yield a file for the stderr of a process; print its content if the body raises."""
    with tempfile.TemporaryFile() as file:
        try:
            yield file
        except Exception:
            file.seek(0)
            sys.stderr.write(file.read().decode(errors="replace"))
            raise
