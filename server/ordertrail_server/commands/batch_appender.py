"""Appends the records of a batch, and answers its attempts once the outcome is known."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter

from ordertrail_server.commands.attempt import Attempt, RecordedRefusal
from ordertrail_server.commands.batch_plan import BatchPlan, Outcome
from ordertrail_server.commands.command_observer import AppendOutcome, CommandObserver
from ordertrail_server.commands.command_queue import CommandQueue, answer
from ordertrail_server.commands.contention import Contention
from ordertrail_server.commands.fold import Fold, facts_missing
from ordertrail_server.commands.planned_record import PlannedRecord
from ordertrail_server.commands.recorded_refusal import parse_refusal
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.facts.link import Link
from ordertrail_server.log.port import AppendUncertain, Log, LogUnavailable
from ordertrail_server.log.single_read import read_one
from ordertrail_server.orders.chain import LINKS
from ordertrail_server.orders.refusal import Refusal

_log = logging.getLogger(__name__)

FIRST_BACK_OFF_S, LONGEST_BACK_OFF_S = 0.02, 1.0


class BatchAppender:
    """Appends plans to a partition. `on_append` is called after each append with a known outcome."""

    def __init__(
        self,
        log: Log,
        partition: int,
        fold: Fold,
        contention: Contention,
        queue: CommandQueue,
        *,
        slices: TimeSlices,
        unary_slices: TimeSlices,
        now: Callable[[], int],
        on_append: Callable[[], None],
        back_off: Callable[[float], Awaitable[None]] = asyncio.sleep,
        observer: CommandObserver | None = None,
    ) -> None:
        self._log, self._partition, self._fold = log, partition, fold
        self._contention, self._queue = contention, queue
        self._slices, self._unary_slices = slices, unary_slices
        self._now, self._on_append, self._back_off, self._observer = now, on_append, back_off, observer
        self._back_off_s = FIRST_BACK_OFF_S

    async def append(self, plan: BatchPlan) -> None:
        """Append the plan's records and answer its attempts. Attempts without an outcome are requeued."""
        expected = self._fold.position
        try:
            offsets = await self._append_entries(plan, expected)
        except AppendUncertain as error:
            await self._resolve_uncertain(plan, error)
            return
        self._back_off_s = FIRST_BACK_OFF_S
        self._on_append()
        if _are_expected(offsets, expected):
            self._contention.absent()
            links = await self._slices_of(plan).map(self._fold_own, enumerate(plan.records, expected))
            await self.answer_all(plan, links)
            self._queue.requeue(plan.deferred)
        elif min(offsets) < expected:
            raise facts_missing(self._partition, min(offsets), expected)
        else:
            await self._settle(plan, max(offsets) + 1)

    async def _append_entries(self, plan: BatchPlan, expected: int) -> list[int]:
        begin, outcome = perf_counter(), AppendOutcome.UNCERTAIN
        plan.times.append_begin, plan.times.record_count = self._now(), len(plan.records)
        try:
            offsets = await self._log.append(self._partition, plan.entries)
            outcome = AppendOutcome.APPENDED if _are_expected(offsets, expected) else AppendOutcome.OVERTAKEN
        except LogUnavailable:
            outcome = AppendOutcome.UNAVAILABLE
            raise
        finally:
            plan.times.append_end = self._now()
            plan.times.has_failed = outcome in (AppendOutcome.UNCERTAIN, AppendOutcome.UNAVAILABLE)
            if self._observer is not None:
                self._observer.note_append(outcome, len(plan.records), plan.size, perf_counter() - begin)
        return offsets

    async def _resolve_uncertain(self, plan: BatchPlan, error: AppendUncertain) -> None:
        _log.warning("an append has an unknown outcome; reading the log to find it: %s", error)
        await self._settle(plan, None)
        await self._back_off(self._back_off_s)
        self._back_off_s = min(2 * self._back_off_s, LONGEST_BACK_OFF_S)

    def _fold_own(self, own: tuple[int, PlannedRecord]) -> Link:
        offset, planned = own
        link = planned.link_at(offset)
        verdict = self._fold.take_own(planned.logged_at(offset), planned.reading, link, *planned.step)
        if verdict not in LINKS:
            raise AssertionError(f"the writer's own record at offset {offset} is {verdict}, not a link")
        return link

    async def answer_all(self, plan: BatchPlan, links: Sequence[Link]) -> None:
        """Answer every attempt of a plan; its records are these links."""
        link_of = {id(planned): link for planned, link in zip(plan.records, links, strict=True)}
        refusals = await self._read_refusals(plan)

        def answer_attempt(decided: tuple[Attempt, Outcome]) -> None:
            attempt, outcome = decided
            if isinstance(outcome, RecordedRefusal):
                answer(attempt, refusals[outcome])
            elif isinstance(outcome, PlannedRecord):
                _answer_with(attempt, outcome, link_of[id(outcome)])
            else:
                answer(attempt, outcome)

        await self._slices_of(plan).map(answer_attempt, plan.outcomes)

    def _slices_of(self, plan: BatchPlan) -> TimeSlices:
        return self._slices if any(attempt.is_batched for attempt in plan.attempts) else self._unary_slices

    async def _read_refusals(self, plan: BatchPlan) -> dict[RecordedRefusal, Refusal]:
        recorded = {outcome: attempt for attempt, outcome in plan.outcomes if isinstance(outcome, RecordedRefusal)}
        refusals = dict[RecordedRefusal, Refusal]()
        for outcome, attempt in recorded.items():
            logged = await read_one(self._log, self._partition, outcome.link.offset)
            refusals[outcome] = parse_refusal(logged.value, attempt.order_id)
        return refusals

    async def _settle(self, plan: BatchPlan, end: int | None) -> None:
        """Fold the log after a lost race or an unknown outcome, and answer the attempts whose record is a link.

        Every other attempt is decided again on the new state.
        """
        self._contention.observed()
        self._queue.requeue(plan.attempts)
        await self._fold.catch_up(end)
        for attempt, outcome in plan.outcomes:
            if isinstance(outcome, PlannedRecord):
                link = self._fold.receipt(attempt.order_id, outcome.request_id)
                if link is not None and link.digest == outcome.link.digest:
                    _answer_with(attempt, outcome, outcome.link_at(link.offset))


def _are_expected(offsets: Sequence[int], expected: int) -> bool:
    return offsets == list(range(expected, expected + len(offsets)))


def _answer_with(attempt: Attempt, planned: PlannedRecord, link: Link) -> None:
    answer(attempt, planned.answer(link, replayed=link.digest != attempt.appended_digest))
