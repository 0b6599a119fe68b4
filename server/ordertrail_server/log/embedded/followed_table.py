"""A table of an embedded log's file, read beside the process that serves it."""

import asyncio
from collections.abc import Sequence

from ordertrail_server.log.call_arguments import check_partition, check_range
from ordertrail_server.log.embedded.read_only import ReadOnlyReaders
from ordertrail_server.log.embedded.records import Table, read_end, read_records
from ordertrail_server.log.lineage import Lineage
from ordertrail_server.log.port import Capabilities, Entry, Logged, LogUnavailable
from ordertrail_server.storage.read_pool import ReadPool

POLL_SECONDS = 0.02


class FollowedTable:
    """An AppendLog that is read-only. After `close`, calls raise LogUnavailable; its owner closes the readers."""

    capabilities = Capabilities()

    def __init__(self, table: Table, lineage: Lineage, topic: str, readers: ReadPool | ReadOnlyReaders) -> None:
        self._table, self.lineage, self.topic = table, lineage, topic
        self.identity, self.partitions, _ = lineage
        self._readers, self._closed = readers, False

    async def end(self, partition: int, at_least: int = 0) -> int:
        """Return the offset that the partition's next message will get."""
        self._check(partition)
        return await self._readers.run(read_end, partition, self._table)

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        """Raise PermissionError: only the process that serves the data directory appends."""
        raise PermissionError("this process follows the log; only the one that serves the data directory appends")

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        """Return up to `limit` messages (at least 1) from `offset` on, each one verified."""
        self._check(partition)
        check_range(offset, limit)
        return await self._readers.run(read_records, partition, offset, limit, self.partitions, self._table)

    def skip_gap(self, partition: int, offset: int) -> int:
        """Return `offset`: an embedded log has no gaps."""
        return offset

    async def wait(self, partition: int, offset: int) -> None:
        """Return as soon as the partition's end is above `offset`. Polls every 20 ms."""
        while await self.end(partition) <= offset:  # noqa: ASYNC110 (another process appends)
            await asyncio.sleep(POLL_SECONDS)

    async def close(self) -> None:
        """Refuse later calls."""
        self._closed = True

    def _check(self, partition: int) -> None:
        if self._closed:
            raise LogUnavailable("the log is closed")
        check_partition(partition, self.partitions)
