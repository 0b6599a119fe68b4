"""Opens the three standard streams, which may be closed when a process starts."""

import io
import os
import sys

NAMES = ("stdin", "stdout", "stderr")


def open_standard_streams() -> None:
    """Open each of the descriptors 0 to 2 that is closed on the null device, for child processes too.

    Otherwise the next file, socket or pipe gets its number. Prints would go into it, and a child process would replace
    it by its standard stream. Call this before anything else is opened.
    """
    for descriptor, name in enumerate(NAMES):
        if not _is_open(descriptor):
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number is this descriptor's
            setattr(sys, name, _text_stream(descriptor))


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _text_stream(descriptor: int) -> io.TextIOWrapper:
    return open(descriptor, "r" if descriptor == 0 else "w", encoding="utf-8", closefd=False)
