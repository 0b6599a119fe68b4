"""A log in memory, for tests and simulations. Several writers may share one."""

import asyncio
from collections.abc import Sequence
from secrets import token_bytes

from ordertrail_server.log.call_arguments import check_partition, check_range
from ordertrail_server.log.lineage import Lineage
from ordertrail_server.log.port import AppendLog, Capabilities, Entry, Logged
from ordertrail_server.orders.chain import digest


class MemoryLog:
    """A log without durability. Without `atomic`, records of other appends may land between those of one append."""

    topic = "orders.events"

    def __init__(self, *, partitions: int = 1, atomic: bool = True, identity: bytes | None = None) -> None:
        self.partitions = partitions
        self.capabilities = Capabilities(atomic_append=atomic)
        self.identity = identity or token_bytes(16)
        self.records: list[list[Logged]] = [[] for _ in range(partitions)]
        self._appended = asyncio.Event()
        self._commands: MemoryLog | None = None

    @property
    def lineage(self) -> Lineage:
        """A log in memory continues no other log."""
        return Lineage(self.identity, self.partitions)

    @property
    def commands(self) -> AppendLog:
        """The log of submitted commands, which is created when it is first used."""
        if self._commands is None:
            self._commands = MemoryLog(partitions=self.partitions, atomic=self.capabilities.atomic_append)
            self._commands.topic = "orders.commands"
        return self._commands

    async def end(self, partition: int, at_least: int = 0) -> int:
        self._check(partition)
        return len(self.records[partition])

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        self._check(partition)
        offsets = []
        for entry in entries:
            offsets.append(self.land(partition, entry))
            if not self.capabilities.atomic_append:
                await asyncio.sleep(0)
        return offsets

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        self._check(partition)
        check_range(offset, limit)
        return self.records[partition][offset : offset + limit]

    def skip_gap(self, partition: int, offset: int) -> int:
        return offset

    async def wait(self, partition: int, offset: int) -> None:
        while await self.end(partition) <= offset:
            await self._appended.wait()

    async def close(self) -> None:
        pass

    def land(self, partition: int, entry: Entry) -> int:
        """Append one record at once and return its offset, as a delayed or duplicated message does."""
        records = self.records[partition]
        records.append(Logged(len(records), entry.key, entry.value, digest(entry.value)))
        self._appended.set()
        self._appended.clear()
        return len(records) - 1

    def _check(self, partition: int) -> None:
        check_partition(partition, self.partitions)
