"""The writer of one partition: decides commands, appends their records in batches, and answers once these are facts.

While one batch is being made durable, the next one gathers (group commit). Commands of unary calls come before commands
of batches: a unary command waits for at most as many batched ones as are decided in one slice of time. The rules, for
any number of writers on one log and any outcome of an append:

- A command is acknowledged only when the log has been folded up to its record and the record was judged a fact.
- A refusal rests on confirmed state that was current after the call arrived; a replayed receipt on confirmed state.
- If a record was judged void, or its append had an unknown outcome, the command is decided again, receipts first.

On a log with other writers it folds their records also while it is idle. It queries the end of the partition before it
decides, unless it is the sole writer or this server has just generated every order id. So commands that come one after
another, to any server, lead to no void records.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic

from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.batch_appender import BatchAppender
from ordertrail_server.commands.batch_decider import BatchDecider
from ordertrail_server.commands.command_observer import CommandObserver
from ordertrail_server.commands.command_queue import STORE_DAMAGED, UNAVAILABLE, CommandQueue, answer, refuse_overloaded
from ordertrail_server.commands.contention import Contention
from ordertrail_server.commands.fold import Fold, ProjectionBehind, StoreDamaged
from ordertrail_server.commands.follower import Follower
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.log.port import Log, LogUnavailable
from ordertrail_server.orders.refusal import Refusal

_log = logging.getLogger(__name__)

# Slices of unary commands are longer than those of batches: rounds of the event loop between them delay their answers,
# and there are few of them. Measured at 32 callers: a fifth of the event loop's time is saved.
UNARY_SLICE_S = 0.002


class Writer:
    """Handles the attempts of one partition, in the order in which they were submitted to `queue`."""

    def __init__(
        self,
        log: Log,
        partition: int,
        fold: Fold,
        *,
        now: Callable[[], int],
        new_id: Callable[[], str],
        on_append: Callable[[], None] = lambda: None,
        capacity: int = 10_000,
        batch: int = 1_000,
        quiet_rounds: int = 24,
        back_off: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = monotonic,
        slices: TimeSlices | None = None,
        observer: CommandObserver | None = None,
    ) -> None:
        self._partition, self.fold = partition, fold
        self._batch, self._quiet_rounds = batch, quiet_rounds
        self.queue = queue = CommandQueue(capacity, lambda: fold.is_behind)
        self._turn = asyncio.Lock()
        self._is_concurrent = False
        self._is_log_reachable = True
        contention = Contention(not log.capabilities.atomic_append, clock)
        unary_slices, slices = slices or TimeSlices(UNARY_SLICE_S), slices or TimeSlices()
        self._follower = follower = Follower(log, partition, fold, contention, self._turn, back_off)
        self._decider = BatchDecider(
            fold,
            follower,
            contention,
            queue,
            chained=log.capabilities.atomic_append,
            batch=batch,
            now=now,
            new_id=new_id,
            clock=clock,
            slices=slices,
            unary_slices=unary_slices,
        )
        self._appender = BatchAppender(
            log,
            partition,
            fold,
            contention,
            queue,
            slices=slices,
            unary_slices=unary_slices,
            now=now,
            on_append=on_append,
            back_off=back_off,
            observer=observer,
        )

    def note_projected(self, offset: int) -> None:
        """Note that the projection `orders` includes everything before an offset."""
        self.fold.note_projected(offset)
        self.queue.note_space()

    async def follow(self) -> None:
        """Fold other writers' records for ever. An atomic log has no other writers. Raises LogDamaged."""
        await self._follower.follow()

    async def run(self) -> None:
        """Handle attempts until an error. Raises LogDamaged; then the queue is closed."""
        try:
            while True:
                await self.queue.wait_nonempty()
                await self._gather_batch()
                if self.fold.is_behind:
                    await self.queue.refuse_unary_until_space()
                    continue
                async with self._turn:
                    attempts = self.queue.take(self._batch)
                    self._is_concurrent = len(attempts) > 1
                    await self._handle(attempts)
                self.queue.finish_batch()
        finally:
            self.queue.close()

    async def _gather_batch(self) -> None:
        """Wait for attempts that are about to be submitted, because a larger batch costs each caller less.

        It ends after `quiet_rounds` rounds of the event loop without a new attempt. A single caller never waits for
        others. Unary calls beside batches do not wait either, because the slices of batches make the rounds long.
        """
        quiet = 0
        while self._may_gather_more() and quiet < self._quiet_rounds:
            before = len(self.queue)
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self.queue) == before else 0

    def _may_gather_more(self) -> bool:
        return self._is_concurrent and not self.queue.is_mixed and len(self.queue) < self._batch

    async def _handle(self, attempts: list[Attempt]) -> None:
        try:
            plan = await self._decider.decide(attempts)
            if plan.records:
                await self._appender.append(plan)
            else:
                await self._appender.answer_all(plan, ())
            self._is_log_reachable = True
        except ProjectionBehind:
            for attempt in attempts:
                refuse_overloaded(attempt)
        except StoreDamaged:
            _answer_all(attempts, STORE_DAMAGED)
        except LogUnavailable as error:
            if self._is_log_reachable:  # logged once, however long it lasts
                _log.warning("partition %s: %s", self._partition, error)
            self._is_log_reachable = False
            _answer_all(attempts, UNAVAILABLE)


def _answer_all(attempts: list[Attempt], refusal: Refusal) -> None:
    for attempt in attempts:
        answer(attempt, refusal)
