"""Opens logs to serve them, each in a process of its own that is killed at some point.

Arguments: "instructions" or "bytes", and directories. The name of a directory is the point: the number of SQLite's
instructions before the kill, or the size in bytes that no file may exceed. In the second case the kernel kills the
process within the write.
"""

import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.storage.sqlite import sqlite3


def kill_at_instruction(count: int) -> None:
    connect, executed = sqlite3.connect, 0

    def step() -> None:
        nonlocal executed
        executed += 1
        if executed == count:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect_counted(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.set_progress_handler(step, 1)
        return connection

    sqlite3.connect = connect_counted  # type: ignore[assignment]  # until the process is killed


def kill_at_byte(size: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def open_and_kill(directory: Path, kill_at: str) -> None:
    """Return when the process has ended, killed or not."""
    if child := os.fork():
        os.waitpid(child, 0)
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    {"instructions": kill_at_instruction, "bytes": kill_at_byte}[kill_at](int(directory.name))
    open_to_serve(directory)
    os._exit(0)


if __name__ == "__main__":
    for name in sys.argv[2:]:
        open_and_kill(Path(name), sys.argv[1])
