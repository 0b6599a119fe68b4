"""Backs up or restores again and again, each time in a process that kills itself at another step.

    python killed_process.py backup DATA FILE STEP…
    python killed_process.py restore FILE DATA STEP…

A step is a call that creates, renames or removes a file, makes one durable, or opens one by SQLite. At step n the
target is FILE-n or DATA-n. Prints the exit code of each process.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ordertrail_server.backup.backup import write_backup
from ordertrail_server.backup.restore import restore
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.storage import rename
from ordertrail_server.storage.sqlite import sqlite3

EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}


def kill_at(last_step: int, folder: str) -> None:
    """Kill the process before the step with this number, which counts from 1. Only paths in the folder count."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1
        if steps == last_step:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in EVENTS and str(arguments[0]).startswith(folder):
            count()

    sys.addaudithook(audit)
    for module, name in ((os, "fsync"), (sqlite3, "connect"), (rename, "_rename")):
        setattr(module, name, _counted(getattr(module, name), count))


def _counted(call: Callable[..., Any], count: Callable[[], None]) -> Callable[..., Any]:
    def counted(*arguments: Any, **options: Any) -> Any:
        count()
        return call(*arguments, **options)

    return counted


def run(command: str, source: Path, target: Path, step: int) -> int:
    """Run a command in a process of its own, and return its exit code."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    kill_at(step, str(target.parent))
    if command == "backup":
        asyncio.run(write_backup(DataDirectory(source), target))
    else:
        asyncio.run(restore(source, target))
    os._exit(0)


if __name__ == "__main__":
    for number in map(int, sys.argv[4:]):
        print(run(sys.argv[1], Path(sys.argv[2]), Path(f"{sys.argv[3]}-{number}"), number))
