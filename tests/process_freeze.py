"""Suspends a process for a test, all of its threads included."""

import os
import signal
from pathlib import Path
from time import sleep

_STOPPED, _ENDED = "Tt", "ZX"


def freeze_process(pid: int) -> None:
    """Send SIGSTOP, and return once no thread of the process runs any more.

    Until one of the threads takes the signal, the others continue, on a busy machine for many milliseconds.
    """
    os.kill(pid, signal.SIGSTOP)
    while not all(state in _STOPPED + _ENDED for state in _thread_states(pid)):
        sleep(0.001)


def _thread_states(pid: int) -> list[str]:
    """Return the state letters of the threads, of proc(5); none if the process does not exist any more."""
    states = []
    for status in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            # The name of the command, in parentheses, may contain any character.
            states.append(status.read_text().rpartition(") ")[2][0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return states
