"""Read-only connections to one file, and the threads that use them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from queue import SimpleQueue
from typing import Self, TypeVar, TypeVarTuple

from ordertrail_server.storage.sqlite import connect_reader, sqlite3

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")


class Readers:
    """Runs queries off the event loop, each with exclusive use of a connection.

    A query fetches all of its rows, so no read transaction outlives it.
    """

    def __init__(self, path: Path, connections: int = 2) -> None:
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        with ExitStack() as stack:
            for _ in range(connections):
                self._idle.put(stack.enter_context(closing(connect_reader(path))))
            self._threads = stack.enter_context(ThreadPoolExecutor(connections, "reader"))
            self._stack = stack.pop_all()

    async def run(self, query: Callable[[sqlite3.Connection, *Arguments], T], *arguments: *Arguments) -> T:
        """Run a query in a thread, and return its result."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self.run_blocking, query, *arguments)

    def run_blocking(self, query: Callable[[sqlite3.Connection, *Arguments], T], *arguments: *Arguments) -> T:
        """Run a query in the calling thread, and return its result. Waits for an idle connection."""
        connection = self._idle.get()
        try:
            return query(connection, *arguments)
        finally:
            self._idle.put(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()  # waits for running queries first
