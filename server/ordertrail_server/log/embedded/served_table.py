"""A table of an embedded log's file, as the process that serves it appends and reads it."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial

from ordertrail_server.log.embedded.appender import Appender
from ordertrail_server.log.embedded.followed_table import FollowedTable
from ordertrail_server.log.embedded.read_only import ReadOnlyReaders
from ordertrail_server.log.embedded.records import Table
from ordertrail_server.log.lineage import Lineage
from ordertrail_server.log.port import Entry
from ordertrail_server.storage.read_pool import ReadPool


class ServedTable(FollowedTable):
    """An AppendLog on a table. All tables of a file share its appender, and the thread that it runs in.

    After `close`, calls raise LogUnavailable, also those that wait.
    """

    def __init__(
        self,
        table: Table,
        lineage: Lineage,
        topic: str,
        readers: ReadPool | ReadOnlyReaders,
        *,
        appender: Appender,
        thread: Executor,
    ) -> None:
        super().__init__(table, lineage, topic, readers)
        self._appender, self._thread = appender, thread
        self._appended = [asyncio.Event() for _ in range(self.partitions)]

    async def end(self, partition: int, at_least: int = 0) -> int:
        """Return the offset that the partition's next message will get."""
        self._check(partition)
        ends = self._appender.known_ends
        if ends is None:  # an append failed: read the ends from the file
            ends = await asyncio.get_running_loop().run_in_executor(self._thread, self._appender.ends)
        return ends[self._table][partition]

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        """Append the entries, all or none. Cancelling does not stop an append that has begun."""
        self._check(partition)
        if not entries:
            return []
        loop = asyncio.get_running_loop()
        appending = loop.run_in_executor(self._thread, self._appender.append, self._table, partition, entries)
        appending.add_done_callback(partial(self._wake, partition))
        return await asyncio.shield(appending)

    async def wait(self, partition: int, offset: int) -> None:
        """Return as soon as the partition's end is above `offset`."""
        while await self.end(partition) <= offset:
            await self._appended[partition].wait()

    async def close(self) -> None:
        """Refuse later calls, and end the waits."""
        await super().close()
        for partition in range(self.partitions):
            self._wake(partition)

    def _wake(self, partition: int, _: object = None) -> None:
        # Setting and then clearing the event wakes the current waiters. Each of them checks the end again.
        self._appended[partition].set()
        self._appended[partition].clear()
