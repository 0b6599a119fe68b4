"""A log in memory whose appends can fail, hang or store records despite an error."""

import asyncio
from collections import deque
from collections.abc import Sequence

from tests.log.memory import MemoryLog

from ordertrail_server.log.port import Entry


class FaultyLog(MemoryLog):
    """Raises the next of `errors` from each append; if `stores_before_error`, the records are stored nevertheless.

    While `may_answer` is not set, no append returns. `unreachable` makes queries for the end raise the first error.
    `appends` are the sizes of all appends, `end_queries` is the number of queries for the end.
    """

    def __init__(self, *, atomic: bool = True) -> None:
        super().__init__(atomic=atomic)
        self.errors: deque[Exception] = deque()
        self.stores_before_error = False
        self.unreachable = False
        self.appends: list[int] = []
        self.end_queries = 0
        self.append_started, self.may_answer = asyncio.Event(), asyncio.Event()
        self.may_answer.set()

    async def end(self, partition: int, at_least: int = 0) -> int:
        self.end_queries += 1
        if self.unreachable:
            raise self.errors[0]
        return await super().end(partition)

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        self.appends.append(len(entries))
        self.append_started.set()
        await self.may_answer.wait()
        if not self.errors:
            return await super().append(partition, entries)
        if self.stores_before_error:
            await super().append(partition, entries)
        raise self.errors.popleft()
