"""A log that ends at chosen offsets, so that a fold of it stops exactly at the position of a live generation."""

from collections.abc import Mapping, Sequence

from ordertrail_server.log.lineage import Lineage
from ordertrail_server.log.port import AppendLog, Capabilities, Entry, Log, Logged


class BoundedLog:
    """The records of a log before `ends`, which its owner may move on. It is read-only; its owner closes the log."""

    commands: AppendLog | None = None  # an audit reads events only

    def __init__(self, log: Log, ends: Mapping[int, int]) -> None:
        self._log, self.ends = log, dict(ends)

    @property
    def identity(self) -> bytes:
        """The identity of the log."""
        return self._log.identity

    @property
    def lineage(self) -> Lineage:
        """The lineage of the log."""
        return self._log.lineage

    @property
    def topic(self) -> str:
        """The name of the log."""
        return self._log.topic

    @property
    def partitions(self) -> int:
        """The number of partitions."""
        return self._log.partitions

    @property
    def capabilities(self) -> Capabilities:
        """What the log guarantees."""
        return self._log.capabilities

    async def end(self, partition: int, at_least: int = 0) -> int:
        """Return the end of the log, or the chosen end if that is lower."""
        chosen_end = self.ends.get(partition, 0)
        return min(chosen_end, await self._log.end(partition, min(at_least, chosen_end)))

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        """Refuse, because an audit writes nothing."""
        raise NotImplementedError

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        """Return the records from `offset` on, without those at or behind the chosen end."""
        end = self.ends.get(partition, 0)
        if offset >= end:
            return []
        records = await self._log.read(partition, offset, min(limit, end - offset))
        return [logged for logged in records if logged.offset < end]

    def skip_gap(self, partition: int, offset: int) -> int:
        """Return `offset`: only stored positions are compared, and they do not skip gaps."""
        return offset

    async def wait(self, partition: int, offset: int) -> None:
        """Wait as the log does."""
        await self._log.wait(partition, offset)

    async def close(self) -> None:
        """Do nothing, because the owner of the log closes it."""
