"""What each child process of the server does first with its standard streams and signals."""

import os
import signal
from typing import NamedTuple


class ChildPipes(NamedTuple):
    """The file descriptors of the pipes from and to the parent."""

    requests: int
    reports: int


def claim_pipes() -> ChildPipes:
    """Return the pipes that stdin and stdout were. Code that reads stdin or prints gets /dev/null and stderr.

    Signals to the process group are for the parent, whose running calls may still need this process.
    """
    pipes = ChildPipes(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return pipes
