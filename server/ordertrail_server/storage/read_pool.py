"""A pool of threads that read one file, each with its own connection."""

import os
from asyncio import get_running_loop
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Lock, get_native_id, local
from time import monotonic
from typing import TypeVar

from ordertrail_server.storage.sqlite import sqlite3

T = TypeVar("T")
Connection = sqlite3.Connection

# SQLite calls the progress handler every so many instructions (some 10 ms), because each call takes the GIL.
INSTRUCTIONS = 500_000


class ReadPool:
    """Runs reads in `threads` threads. `connect` opens a thread's connection at its first read.

    `niceness` lowers the priority of the threads (setpriority(2)), if the system has priorities for threads.
    """

    def __init__(self, name: str, threads: int, connect: Callable[[], Connection], niceness: int = 0) -> None:
        self._connect = connect
        self._threads = ThreadPoolExecutor(
            threads, thread_name_prefix=name, initializer=_lower_priority, initargs=(niceness,)
        )
        self._of_thread = local()
        self._open: list[Connection] = []
        self._opening = Lock()

    async def run(self, read: Callable[[Callable[[], Connection]], T]) -> T:
        """Run `read` in a thread and return its result. Its argument is a function that returns the connection."""
        return await get_running_loop().run_in_executor(self._threads, read, self._connection)

    def close(self) -> None:
        """Finish running reads and close the connections."""
        self._threads.shutdown()
        while self._open:
            self._open.pop().close()

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._of_thread.connection = self._connect()
            with self._opening:
                self._open.append(connection)
        return connection


class TimeLimit:
    """Interrupts a connection's work after `seconds`, or once it is abandoned."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._is_abandoned = False

    @contextmanager
    def watch(self, connection: Connection) -> Iterator[None]:
        """Limit what the connection does within the block; a rollback or commit behind it is never interrupted."""
        end = monotonic() + self.seconds
        connection.set_progress_handler(lambda: self._is_abandoned or monotonic() >= end, INSTRUCTIONS)
        try:
            yield
        finally:
            connection.set_progress_handler(None, 0)

    def abandon(self) -> None:
        """Interrupt the work soon. May be called from any thread."""
        self._is_abandoned = True


def _lower_priority(niceness: int) -> None:
    if niceness:
        with suppress(OSError, AttributeError):  # elsewhere than on Linux a thread has no priority of its own
            os.setpriority(os.PRIO_PROCESS, get_native_id(), niceness)
