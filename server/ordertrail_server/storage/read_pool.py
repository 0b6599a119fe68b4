"""A pool of threads and connections that read one file."""

import os
from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Semaphore, get_native_id
from typing import Self, TypeVar, TypeVarTuple

from ordertrail_server.storage.connection import Connection

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")


class ReadPool:
    """Runs queries off the event loop, each with exclusive use of a connection.

    A query gets the connection and the other arguments. It must fetch all of its rows. `connect` opens a connection
    when a query needs one and all others are in use; `size` is the number of threads and of connections. `niceness`
    lowers the priority of the threads (setpriority(2)), if the system has priorities for threads.
    """

    def __init__(self, name: str, size: int, connect: Callable[[], Connection], niceness: int = 0) -> None:
        self._connect, self._size = connect, size
        self._threads = ThreadPoolExecutor(
            size, thread_name_prefix=name, initializer=_lower_priority, initargs=(niceness,)
        )
        self._free = Semaphore(size)
        self._idle: list[Connection] = []

    def connect_all(self) -> None:
        """Open all connections now, so that no later query fails to open one. For an unused pool."""
        while len(self._idle) < self._size:
            self._idle.append(self._connect())

    async def run(self, query: Callable[[Connection, *Arguments], T], *arguments: *Arguments) -> T:
        """Run a query in a thread, and return its result."""
        return await get_running_loop().run_in_executor(self._threads, self.run_blocking, query, *arguments)

    def run_blocking(self, query: Callable[[Connection, *Arguments], T], *arguments: *Arguments) -> T:
        """Run a query in the calling thread, and return its result. Waits for a connection."""
        with self._free:
            connection = self._idle_connection() or self._connect()
            try:
                return query(connection, *arguments)
            finally:
                self._idle.append(connection)

    def close(self) -> None:
        """Finish running queries and close the connections."""
        self._threads.shutdown()
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _idle_connection(self) -> Connection | None:
        with suppress(IndexError):  # threads share the list; its methods are atomic
            return self._idle.pop()
        return None


def _lower_priority(niceness: int) -> None:
    if niceness:
        with suppress(OSError, AttributeError):  # only Linux has priorities for threads
            os.setpriority(os.PRIO_PROCESS, get_native_id(), niceness)
