"""Detects that a process has run out of file descriptors, which libraries often do not report."""

import os
from errno import EMFILE, ENFILE
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit

NEEDED = 64
"""The descriptors that a server itself needs, with some reserve. Each client connection takes one more."""


def lacks_descriptors(count: int = 1) -> bool:
    """Return whether the process cannot open `count` more files."""
    descriptors: list[int] = []
    try:
        descriptors.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(count))
    except OSError as error:
        return error.errno in (EMFILE, ENFILE)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    return False


def describe_shortage() -> str:
    """Return the error text for a process without free descriptors, with the remedy."""
    return f"the process has no file descriptors left: raise its limit of {_limit()} (ulimit -n)"


def refuse_low_limit() -> None:
    """Raise OSError if the limit of descriptors is too low for a server."""
    limit = _limit()
    if limit != RLIM_INFINITY and limit < NEEDED:
        raise OSError(f"the limit of file descriptors is {limit}; a server needs {NEEDED} or more (ulimit -n)")


def descriptor_limit() -> int | None:
    """Return how many files the process may open, None if there is no limit."""
    limit = _limit()
    return None if limit == RLIM_INFINITY else limit


def _limit() -> int:
    soft, _ = getrlimit(RLIMIT_NOFILE)
    return soft
