"""Threads that read one file, each on a connection of its own."""

import os
from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock, get_native_id, local
from time import monotonic
from typing import TypeVar

from ordertrail_server.storage.sqlite import sqlite3

T = TypeVar("T")
Connection = sqlite3.Connection

# Every so many instructions SQLite asks whether to go on, which takes Python's lock: some 10 ms of work.
INSTRUCTIONS = 500_000


class ReadPool:
    """Runs reads in `threads` threads; `connect` opens a thread's connection when it first reads.

    With `niceness` other threads of the machine come first (setpriority(2)), where the system knows that of threads.
    """

    def __init__(self, name: str, threads: int, connect: Callable[[], Connection], niceness: int = 0) -> None:
        self._connect = connect
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=_be_nice, initargs=(niceness,))
        self._of_thread = local()
        self._open: list[Connection] = []
        self._opening = Lock()

    async def run(self, read: Callable[[Callable[[], Connection]], T]) -> T:
        """Return what `read` returns in a thread; it is given what returns the thread's connection."""
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
    """Interrupts what a connection does once `seconds` have passed since it began, or nobody waits for it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._is_abandoned = False

    def begin(self, connection: Connection) -> None:
        """Watch what the connection does from now on."""
        end = monotonic() + self.seconds
        connection.set_progress_handler(lambda: self._is_abandoned or monotonic() >= end, INSTRUCTIONS)

    def abandon(self) -> None:
        """Interrupt at the next opportunity; for any thread."""
        self._is_abandoned = True


def _be_nice(niceness: int) -> None:
    if niceness:
        with suppress(OSError, AttributeError):  # elsewhere than on Linux a thread has no priority of its own
            os.setpriority(os.PRIO_PROCESS, get_native_id(), niceness)
