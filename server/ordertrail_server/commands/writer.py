"""The writer of one partition: decides commands, appends their records in batches, and answers once these are facts.

While one batch is being made durable, the next one gathers (group commit). Commands of unary calls come before commands
of batches: a unary command waits for no more batched ones than are decided in one slice of time. The rules that it
keeps, for any number of writers on one log and any outcome of an append:

- A command is acknowledged only when the log has been folded up to its record and the record was judged a fact.
- A refusal rests on confirmed state that was current after the call arrived; a replayed receipt on confirmed state.
- A record that was judged void, or whose append had an unknown outcome: the command is decided again, receipts first.

On a log with other writers it folds their records also while it is idle. It queries the end of the partition before it
decides, unless it is the sole writer or this server has just generated every order id. So commands that come one after
another, to any server, lead to no void records.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from math import inf
from time import monotonic

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.attempt import Answer, Attempt
from ordertrail_server.commands.command_queue import UNAVAILABLE, CommandQueue, answer
from ordertrail_server.commands.contention import Contention
from ordertrail_server.commands.draft import Draft, PlannedRecord
from ordertrail_server.commands.fold import Fold, StoreDamaged, StoreUnavailable, facts_missing
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.log.port import BARRIER, AppendUncertain, Log, Logged, LogUnavailable
from ordertrail_server.orders.chain import Verdict, digest
from ordertrail_server.orders.refusal import Refusal

_log = logging.getLogger(__name__)

FIRST_BACK_OFF_S, LONGEST_BACK_OFF_S = 0.02, 1.0
# The pause between two reads of other writers' records, which are then folded in one batch. The writer's own batches
# wake it too; after one of those the longer pause is enough.
PACE_S, PACE_AT_WORK_S = 0.005, 0.1
# For so long after a unary command the next one is expected. Until then batches are decided for at most TURN_S before
# they are appended.
UNARY_S, TURN_S = 0.5, 0.001
# Decided records are in memory until they are on the log, so a draft has a limit.
DRAFT_BYTES = 1024 * 1024
FAULT = Refusal(reasons.ERROR_REASON_INTERNAL, "The server met a fault of its own in deciding the command.")


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
    ) -> None:
        self._log, self._partition, self.fold = log, partition, fold
        self._now, self._new_id, self._on_append = now, new_id, on_append
        self._batch, self._quiet_rounds, self._back_off = batch, quiet_rounds, back_off
        self.queue = CommandQueue(capacity)
        self._contention = Contention(not log.atomic, clock)
        self._slices = slices or TimeSlices()
        self._clock, self._unary_at = clock, -UNARY_S
        self._turn = asyncio.Lock()
        self._is_concurrent = False
        self._is_log_reachable = True
        self._uncertain_back_off_s = FIRST_BACK_OFF_S

    async def follow(self) -> None:
        """Fold other writers' records for ever. An atomic log has no other writers. Raises LogDamaged, StoreDamaged."""
        pace_s = 0.0
        while True:
            position = self.fold.position
            await self._back_off(pace_s)
            # A busy writer notices other writers by its appends. Waiting for records would also fetch its own.
            pace_s = PACE_AT_WORK_S if self.fold.position > position else await self._fold_next_records()

    async def _fold_next_records(self) -> float:
        """Wait for other writers' records and fold them; return the seconds until the next call."""
        try:
            await self._log.wait(self._partition, self.fold.position)
            async with self._turn:  # what came may be our own, and not folded yet
                return PACE_S if await self._catch_up() else PACE_AT_WORK_S
        except LogUnavailable:
            return LONGEST_BACK_OFF_S

    async def _catch_up(self) -> bool:
        """Fold to the log's present end; return whether there were records, which another writer appended."""
        position = self.fold.position
        try:
            await self.fold.catch_up()
        finally:
            if self.fold.position > position:
                self._contention.observed()
        return self.fold.position > position

    async def run(self) -> None:
        """Handle attempts until an error. Raises LogDamaged, StoreDamaged; then the queue is closed."""
        try:
            while True:
                await self.queue.wait_nonempty()
                await self._gather_batch()
                async with self._turn:
                    attempts = self.queue.take(self._batch)
                    self._is_concurrent = len(attempts) > 1
                    await self._handle(attempts)
                self.queue.finish_batch()
        finally:
            self.queue.close()

    async def _gather_batch(self) -> None:
        """Wait for attempts that are on their way, because a larger batch costs each caller less.

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
            draft = await self._decide(attempts)
            if draft.planned:
                await self._append(draft)
            else:
                await self._answer_all(draft, 0)
            self._is_log_reachable = True
        except LogUnavailable as error:
            if self._is_log_reachable:  # logged once, however long it lasts
                _log.warning("partition %s: %s", self._partition, error)
            self._is_log_reachable = False
            for attempt in attempts:
                answer(attempt, UNAVAILABLE)

    async def _decide(self, attempts: list[Attempt]) -> Draft:
        """Decide the attempts. The state of a draft without records was current after the attempts arrived."""
        # Only this server knows these order ids, so no other writer has written to them.
        new = all(attempt.new_order for attempt in attempts)
        queries_end = not (new or self._contention.is_sole_writer)
        if queries_end:
            await self._catch_up()
        draft = await self._draft(attempts)
        if draft.depends_on_end and not (draft.planned or new) and await self._fold_missed_records(queries_end):
            draft = await self._draft(attempts)
        return draft

    async def _fold_missed_records(self, has_caught_up: bool) -> bool:
        """Fold all that was appended before now; return whether there was anything."""
        if self._log.end_is_current:
            return not has_caught_up and await self._catch_up()
        position = self.fold.position
        try:
            [offset] = await self._log.append(self._partition, [BARRIER])
        except AppendUncertain as error:
            raise LogUnavailable(f"it cannot be told what the log holds: {error}") from error
        if offset < position:
            raise facts_missing(self._partition, offset, position)
        if offset == position:
            self._contention.absent()
            self.fold.take(Logged(offset, *BARRIER, digest(BARRIER.value)))
            return False
        self._contention.observed()
        await self.fold.catch_up(offset + 1)
        return True

    async def _draft(self, attempts: list[Attempt]) -> Draft:
        """Decide the attempts; if unary calls are queued, decide batches for at most one slice of time.

        Afterwards `attempts` holds the decided ones: the others are requeued, and unary calls that arrived meanwhile
        are added.
        """
        draft = Draft(self.fold, self._log.atomic, self._now, self._new_id)
        add = partial(self._decide_one, draft)
        unary, batched = _split_by_kind(attempts)
        decided = await self._slices.map(add, unary, lambda: draft.size >= DRAFT_BYTES)
        self.queue.requeue(unary[len(decided) :])
        decided_unary = unary[: len(decided)]
        decided = await self._slices.map(add, batched, self._turn_end_condition(draft, bool(unary)))
        self.queue.requeue(batched[len(decided) :])
        # Not beside other writers: a refusal needs state that was current after its call arrived.
        late = self.queue.take_unary(self._batch) if decided and self._log.atomic else []
        await self._slices.map(add, late)
        attempts[:] = [*decided_unary, *batched[: len(decided)], *late]
        return draft

    def _turn_end_condition(self, draft: Draft, has_unary: bool) -> Callable[[], bool]:
        """Return the condition that ends the deciding of batches in this turn."""
        if has_unary:
            self._unary_at = self._clock()
        end = self._clock() + TURN_S if self._clock() < self._unary_at + UNARY_S else inf
        return lambda: self.queue.has_unary or self._clock() >= end or draft.size >= DRAFT_BYTES

    def _decide_one(self, draft: Draft, attempt: Attempt) -> None:
        try:
            draft.add(attempt)
        except (StoreDamaged, StoreUnavailable):
            raise
        except Exception:  # a defect in deciding one command must not affect the others
            _log.exception("a command could not be decided", extra={"order_id": attempt.order_id})
            answer(attempt, FAULT)

    async def _append(self, draft: Draft) -> None:
        expected = self.fold.position
        try:
            offsets = await self._log.append(self._partition, draft.entries)
        except AppendUncertain as error:
            _log.warning("an append has an unknown outcome, and is settled: %s", error)
            await self._settle(draft, None)
            await self._back_off(self._uncertain_back_off_s)
            self._uncertain_back_off_s = min(2 * self._uncertain_back_off_s, LONGEST_BACK_OFF_S)
            return
        self._uncertain_back_off_s = FIRST_BACK_OFF_S
        self._on_append()
        if offsets == list(range(expected, expected + len(offsets))):
            self._contention.absent()
            await self._slices.map(self._fold_own, enumerate(draft.planned, expected))
            await self._answer_all(draft, expected)
            self.queue.requeue(draft.deferred)
        elif min(offsets) < expected:
            raise facts_missing(self._partition, min(offsets), expected)
        else:
            await self._settle(draft, max(offsets) + 1)

    def _fold_own(self, own: tuple[int, PlannedRecord]) -> None:
        offset, planned = own
        verdict = self.fold.fold(planned.reading, planned.fact.digest, offset, planned.step)
        if verdict is not Verdict.FACT:
            raise AssertionError(f"the writer's own record at offset {offset} is {verdict}, not a fact")

    async def _answer_all(self, draft: Draft, offset: int) -> None:
        offsets = {id(planned): place for place, planned in enumerate(draft.planned, offset)}

        def answer_attempt(decided: tuple[Attempt, Answer | PlannedRecord]) -> None:
            attempt, outcome = decided
            if isinstance(outcome, PlannedRecord):
                _accept(attempt, outcome, offsets[id(outcome)])
            else:
                answer(attempt, outcome)

        await self._slices.map(answer_attempt, draft.outcomes)

    async def _settle(self, draft: Draft, end: int | None) -> None:
        """Fold the log after a lost race or an unknown outcome, and accept the attempts whose record is a fact.

        Every other attempt is decided again on the new state.
        """
        self._contention.observed()
        self.queue.requeue(draft.attempts)
        await self.fold.catch_up(end)
        for attempt, outcome in draft.outcomes:
            if isinstance(outcome, PlannedRecord):
                fact = self.fold.receipt(attempt.order_id, attempt.request_id)
                if fact is not None and fact.digest == outcome.fact.digest:
                    _accept(attempt, outcome, fact.offset)


def _split_by_kind(attempts: list[Attempt]) -> tuple[list[Attempt], list[Attempt]]:
    """Return the attempts of unary calls and those of batches, each in their order."""
    unary = [attempt for attempt in attempts if not attempt.batched]
    return unary, [attempt for attempt in attempts if attempt.batched]


def _accept(attempt: Attempt, planned: PlannedRecord, offset: int) -> None:
    answer(attempt, planned.accept(offset, replayed=planned.fact.digest != attempt.written))
