"""File descriptors, of which a process has only so many. Libraries often hide that there are none left."""

import os
from errno import EMFILE, ENFILE
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit

NEEDED = 64
"""What a server opens by itself, with some room; each connection of a caller takes one more."""


def lacks_descriptors(count: int = 1) -> bool:
    """Return whether so many files cannot be opened at once any more."""
    opened: list[int] = []
    try:
        opened.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(count))
    except OSError as error:
        return error.errno in (EMFILE, ENFILE)
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return False


def describe_shortage() -> str:
    """Return why nothing can be opened any more, and what helps."""
    return f"the process has no file descriptors left: raise its limit of {_limit()} (ulimit -n)"


def refuse_low_limit() -> None:
    """Raise OSError if a server cannot live with the descriptors that it may have."""
    limit = _limit()
    if limit != RLIM_INFINITY and limit < NEEDED:
        raise OSError(f"the limit of file descriptors is {limit}; a server needs {NEEDED} or more (ulimit -n)")


def _limit() -> int:
    soft, _ = getrlimit(RLIMIT_NOFILE)
    return soft
