"""The three standard streams, which a process may be started without."""

import io
import os
import sys

NAMES = ("stdin", "stdout", "stderr")


def open_standard_streams() -> None:
    """Open each of the descriptors 0 to 2 that is closed on the null device, for child processes too.

    Otherwise the next file, socket or pipe gets its number: prints would go into it, and a child that gets the
    standard streams in place of it would take it away. Call this before anything else is opened.
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
