"""Keeps a writer's fold current with the records of other writers on the same partition."""

import asyncio
from collections.abc import Awaitable, Callable

from ordertrail_server.commands.contention import Contention
from ordertrail_server.commands.fold import Fold, facts_missing
from ordertrail_server.log.port import BARRIER, AppendUncertain, Log, Logged, LogUnavailable
from ordertrail_server.orders.chain import digest

# The pause between two reads of other writers' records, which are then folded in one batch. The writer's own batches
# wake the follower too; after one of those the longer pause is enough.
PACE_S, PACE_AT_WORK_S = 0.005, 0.1
UNREACHABLE_S = 1.0


class Follower:
    """Folds the records of other writers, and notes in `contention` what it observed.

    `turn` is the writer's lock: `follow` takes it for each read. The other methods belong to the task that holds it.
    """

    def __init__(
        self,
        log: Log,
        partition: int,
        fold: Fold,
        contention: Contention,
        turn: asyncio.Lock,
        back_off: Callable[[float], Awaitable[None]],
    ) -> None:
        self._log, self._partition, self._fold = log, partition, fold
        self._contention, self._turn, self._back_off = contention, turn, back_off

    async def follow(self) -> None:
        """Fold other writers' records for ever. Raises LogDamaged."""
        pace_s = 0.0
        while True:
            position = self._fold.position
            await self._back_off(pace_s)
            # A busy writer observes other writers by its appends. Waiting for records would also fetch its own.
            pace_s = PACE_AT_WORK_S if self._fold.position > position else await self._fold_next_records()

    async def _fold_next_records(self) -> float:
        """Wait for other writers' records and fold them; return the seconds until the next call."""
        try:
            await self._log.wait(self._partition, self._fold.position)
            async with self._turn:  # the records may be the writer's own, which it is about to fold
                return PACE_S if await self.catch_up() else PACE_AT_WORK_S
        except LogUnavailable:
            return UNREACHABLE_S

    async def catch_up(self) -> bool:
        """Fold to the present end of the log; return whether there were records, which another writer appended."""
        position = self._fold.position
        try:
            await self._fold.catch_up()
        finally:
            if self._fold.position > position:
                self._contention.observed()
        return self._fold.position > position

    async def fold_missed_records(self, has_caught_up: bool) -> bool:
        """Fold everything that was appended before this call; return whether there were records.

        If the log may report a stale end, it appends a barrier, whose offset is a current end.
        """
        if self._log.capabilities.current_end:
            return not has_caught_up and await self.catch_up()
        position = self._fold.position
        try:
            [offset] = await self._log.append(self._partition, [BARRIER])
        except AppendUncertain as error:
            raise LogUnavailable(f"the end of the log is unknown: {error}") from error
        if offset < position:
            raise facts_missing(self._partition, offset, position)
        if offset == position:
            self._contention.absent()
            self._fold.take(Logged(offset, *BARRIER, digest(BARRIER.value)))
            return False
        self._contention.observed()
        await self._fold.catch_up(offset + 1)
        return True
