"""A view of a log without its foreign messages, which would be damage in an embedded log."""

from ordertrail_server.log.embedded.record_key import belongs
from ordertrail_server.log.port import AppendLog, Logged


class OwnRecords:
    """Reads a log, and skips messages that are neither a record of an order of their partition nor a barrier."""

    def __init__(self, log: AppendLog) -> None:
        self._log = log
        self.partitions = log.partitions
        self._foreign: set[tuple[int, int]] = set()

    @property
    def skipped(self) -> int:
        """The number of messages skipped so far."""
        return len(self._foreign)

    async def end(self, partition: int) -> int:
        """Return the end of the log itself."""
        return await self._log.end(partition)

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        """Return up to `limit` records from `offset` on, in order. An empty list means the end of the partition."""
        while messages := await self._log.read(partition, offset, limit):
            records = [message for message in messages if self._is_own(message, partition)]
            if len(records) < len(messages):
                foreign = {message.offset for message in messages} - {record.offset for record in records}
                self._foreign.update((partition, foreign_offset) for foreign_offset in foreign)
            if records:
                return records
            offset = messages[-1].offset + 1
        return []

    def _is_own(self, message: Logged, partition: int) -> bool:
        return belongs(message.key, message.value, partition, self.partitions)
