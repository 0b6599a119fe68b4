"""The writer of one partition: decides commands, appends what they lead to in batches, and answers when it is a fact.

While one batch is being made durable the next one gathers (group commit). Where commands of batches and of unary calls
wait, they take turns: those of unary calls come first, and as long as there are any, one of them waits for no more of
the others than are decided in one slice of time. The rules it keeps, for any number of
writers on one log and whatever an append's fate:

- A command is acknowledged only when the log has been folded up to its record and the record was judged a fact.
- A refusal rests on confirmed state that was current after the call arrived; a replayed receipt on confirmed state.
- A record that was judged void, or whose append had an unknown outcome: the command is decided again, receipts first.

Where others may write too, it follows what they write also while it is idle; and unless it seems to be alone, or every
order is new and named by this server, it asks for the end of the partition before it decides, so that commands that
come one after another, to any server, waste nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from math import inf
from time import monotonic

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.attempt import Answer, Attempt
from ordertrail_server.commands.company import Company
from ordertrail_server.commands.draft import Draft, Planned
from ordertrail_server.commands.fold import Fold, StoreDamaged, StoreUnavailable, facts_missing
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.commands.waiting import UNAVAILABLE, Waiting, answer
from ordertrail_server.log.port import BARRIER, AppendUncertain, Log, Logged, LogUnavailable
from ordertrail_server.orders.chain import Verdict, digest
from ordertrail_server.orders.refusal import Refusal

_log = logging.getLogger(__name__)

FIRST_BACK_OFF_S, LONGEST_BACK_OFF_S = 0.02, 1.0
# How soon it looks again for what others write: what comes meanwhile is folded in one batch. Its own batches wake it
# as well; after one of those there is time.
PACE_S, PACE_AT_WORK_S = 0.005, 0.1
# So long after a command of a unary call the next one is expected; until then commands of batches are decided for no
# longer than TURN_S before they are appended.
UNARY_S, TURN_S = 0.5, 0.001
# What is decided is held in memory until it is on the log.
DRAFT_BYTES = 1024 * 1024
FAULT = Refusal(reasons.ERROR_REASON_INTERNAL, "The server met a fault of its own in deciding the command.")


class Writer:
    """Handles the attempts of one partition, in the order in which they were submitted to `waiting`."""

    def __init__(
        self,
        log: Log,
        partition: int,
        fold: Fold,
        *,
        now: Callable[[], int],
        new_id: Callable[[], str],
        appended: Callable[[], None] = lambda: None,
        capacity: int = 10_000,
        batch: int = 1_000,
        quiet_rounds: int = 24,
        back_off: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = monotonic,
        slices: TimeSlices | None = None,
    ) -> None:
        self._log, self._partition, self.fold = log, partition, fold
        self._now, self._new_id, self._appended = now, new_id, appended
        self._batch, self._quiet_rounds, self._back_off = batch, quiet_rounds, back_off
        self.waiting = Waiting(capacity)
        self._company = Company(not log.atomic, clock)
        self._slices = slices or TimeSlices()
        self._clock, self._unary_at = clock, -UNARY_S
        self._turn = asyncio.Lock()
        self._crowded = False
        self._reached = True
        self._uncertain = FIRST_BACK_OFF_S

    async def follow(self) -> None:
        """Fold for ever what others write; nobody does where appends are atomic. Raises LogDamaged, StoreDamaged."""
        pace_s = 0.0
        while True:
            position = self.fold.position
            await self._back_off(pace_s)
            # A writer at work finds by itself that others write: to wait for records would fetch its own ones as well.
            pace_s = PACE_AT_WORK_S if self.fold.position > position else await self._fold_what_comes()

    async def _fold_what_comes(self) -> float:
        """Wait for records of others and fold them; return after how many seconds to look again."""
        try:
            await self._log.wait(self._partition, self.fold.position)
            async with self._turn:  # what came may be our own, and not folded yet
                return PACE_S if await self._catch_up() else PACE_AT_WORK_S
        except LogUnavailable:
            return LONGEST_BACK_OFF_S

    async def _catch_up(self) -> bool:
        """Fold to the end that the log has now, and return whether there was anything: others wrote it."""
        position = self.fold.position
        try:
            await self.fold.catch_up()
        finally:
            if self.fold.position > position:
                self._company.met()
        return self.fold.position > position

    async def run(self) -> None:
        """Handle attempts for ever. Raises LogDamaged, StoreDamaged; then none is handled any more."""
        try:
            while True:
                await self.waiting.some()
                await self._gather()
                async with self._turn:
                    attempts = self.waiting.take(self._batch)
                    self._crowded = len(attempts) > 1
                    await self._handle(attempts)
                self.waiting.handled()
        finally:
            self.waiting.end()

    async def _gather(self) -> None:
        """Where callers are many, let in what is on its way already: a larger batch costs each of them less.

        It is over after `quiet_rounds` of the event loop in which none came in. A caller who is alone never waits, nor
        does one beside batches, whose slices make the rounds long.
        """
        quiet = 0
        while self._is_worth_waiting() and quiet < self._quiet_rounds:
            before = len(self.waiting)
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self.waiting) == before else 0

    def _is_worth_waiting(self) -> bool:
        return self._crowded and not self.waiting.is_mixed and len(self.waiting) < self._batch

    async def _handle(self, attempts: list[Attempt]) -> None:
        try:
            draft = await self._decide(attempts)
            if draft.planned:
                await self._append(draft)
            else:
                await self._answer_all(draft, 0)
            self._reached = True
        except LogUnavailable as error:
            if self._reached:  # said once, however long it lasts
                _log.warning("partition %s: %s", self._partition, error)
            self._reached = False
            for attempt in attempts:
                answer(attempt, UNAVAILABLE)

    async def _decide(self, attempts: list[Attempt]) -> Draft:
        """Return what the attempts lead to; where that is no record, what is denied is so after they came."""
        # What nobody else can have named, nobody else has written to: there is nothing to catch up with.
        new = all(attempt.new_order for attempt in attempts)
        asks = not (new or self._company.alone)
        if asks:
            await self._catch_up()
        draft = await self._draft(attempts)
        if draft.denies and not (draft.planned or new) and await self._was_behind(asks):
            draft = await self._draft(attempts)
        return draft

    async def _was_behind(self, has_caught_up: bool) -> bool:
        """Fold all that was appended before now, and return whether there was anything."""
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
            self._company.unmet()
            self.fold.take(Logged(offset, *BARRIER, digest(BARRIER.value)))
            return False
        self._company.met()
        await self.fold.catch_up(offset + 1)
        return True

    async def _draft(self, attempts: list[Attempt]) -> Draft:
        """Decide the attempts; where unary calls wait, not more of batches than a slice of time allows.

        `attempts` are those decided in the end: the others are put back, unary calls that came meanwhile are added.
        """
        draft = Draft(self.fold, self._log.atomic, self._now, self._new_id)
        add = partial(self._add, draft)
        unary, batched = _divide(attempts)
        decided = await self._slices.map(add, unary, lambda: draft.size >= DRAFT_BYTES)
        self.waiting.put_back(unary[len(decided) :])
        decided_unary = unary[: len(decided)]
        decided = await self._slices.map(add, batched, self._turn_ends(draft, bool(unary)))
        self.waiting.put_back(batched[len(decided) :])
        # Where others write too, they would need a newer state: a refusal rests on one that is behind their coming.
        late = self.waiting.take_unary(self._batch) if decided and self._log.atomic else []
        await self._slices.map(add, late)
        attempts[:] = [*decided_unary, *batched[: len(decided)], *late]
        return draft

    def _turn_ends(self, draft: Draft, has_unary: bool) -> Callable[[], bool]:
        """Return what tells whether no more commands of batches are decided in this turn."""
        if has_unary:
            self._unary_at = self._clock()
        end = self._clock() + TURN_S if self._clock() < self._unary_at + UNARY_S else inf
        return lambda: self.waiting.has_unary or self._clock() >= end or draft.size >= DRAFT_BYTES

    def _add(self, draft: Draft, attempt: Attempt) -> None:
        try:
            draft.add(attempt)
        except (StoreDamaged, StoreUnavailable):
            raise
        except Exception:  # a fault of ours in deciding one command must not end all others
            _log.exception("a command could not be decided", extra={"order_id": attempt.order_id})
            answer(attempt, FAULT)

    async def _append(self, draft: Draft) -> None:
        expected = self.fold.position
        try:
            offsets = await self._log.append(self._partition, draft.entries)
        except AppendUncertain as error:
            _log.warning("an append has an unknown outcome, and is settled: %s", error)
            await self._settle(draft, None)
            await self._back_off(self._uncertain)
            self._uncertain = min(2 * self._uncertain, LONGEST_BACK_OFF_S)
            return
        self._uncertain = FIRST_BACK_OFF_S
        self._appended()
        if offsets == list(range(expected, expected + len(offsets))):
            self._company.unmet()
            await self._slices.map(self._fold_own, enumerate(draft.planned, expected))
            await self._answer_all(draft, expected)
            self.waiting.put_back(draft.put_off)
        elif min(offsets) < expected:
            raise facts_missing(self._partition, min(offsets), expected)
        else:
            await self._settle(draft, max(offsets) + 1)

    def _fold_own(self, own: tuple[int, Planned]) -> None:
        place, planned = own
        verdict = self.fold.fold(planned.reading, planned.fact.digest, place, planned.step)
        if verdict is not Verdict.FACT:
            raise AssertionError(f"the writer's own record at offset {place} is {verdict}, not a fact")

    async def _answer_all(self, draft: Draft, offset: int) -> None:
        places = {id(planned): place for place, planned in enumerate(draft.planned, offset)}

        def answer_one(decided: tuple[Attempt, Answer | Planned]) -> None:
            attempt, outcome = decided
            if isinstance(outcome, Planned):
                _accept(attempt, outcome, places[id(outcome)])
            else:
                answer(attempt, outcome)

        await self._slices.map(answer_one, draft.outcomes)

    async def _settle(self, draft: Draft, end: int | None) -> None:
        """Others wrote, or the outcome is unknown: fold what the log says, and accept those whose record is a fact.

        Every other attempt is decided again on that.
        """
        self._company.met()
        self.waiting.put_back(draft.attempts)
        await self.fold.catch_up(end)
        for attempt, outcome in draft.outcomes:
            if isinstance(outcome, Planned):
                fact = self.fold.receipt(attempt.order_id, attempt.request_id)
                if fact is not None and fact.digest == outcome.fact.digest:
                    _accept(attempt, outcome, fact.offset)


def _divide(attempts: list[Attempt]) -> tuple[list[Attempt], list[Attempt]]:
    """Return the attempts of unary calls and those of batches, each in their order."""
    unary = [attempt for attempt in attempts if not attempt.batched]
    return unary, [attempt for attempt in attempts if attempt.batched]


def _accept(attempt: Attempt, planned: Planned, offset: int) -> None:
    answer(attempt, planned.accepted(offset, replayed=planned.fact.digest != attempt.written))
