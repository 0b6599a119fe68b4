"""Decides the attempts of a batch, on state that is current enough for their answers."""

import logging
from collections.abc import Callable
from functools import partial
from math import inf

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.batch_plan import BatchPlan
from ordertrail_server.commands.command_queue import STORE_DAMAGED, CommandQueue, answer
from ordertrail_server.commands.contention import Contention
from ordertrail_server.commands.fold import Fold, StoreDamaged, StoreUnavailable
from ordertrail_server.commands.follower import Follower
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.logs.call_fields import Fields, name_fields, trace_id_of
from ordertrail_server.orders.refusal import Refusal

_log = logging.getLogger(__name__)

# How long after a unary command the next one is expected. During that time batches are decided for at most TURN_S
# before they are appended.
UNARY_S, TURN_S = 0.5, 0.001
# Decided records are in memory until they are on the log, so a plan has a limit.
PLAN_BYTES = 1024 * 1024
FAULT = Refusal(
    reasons.ERROR_REASON_INTERNAL, "The server failed to decide the command; its log has the cause. Report the defect."
)


class BatchDecider:
    """Decides batches of at most `batch` attempts from `queue`.

    If `chained`, a record may follow another one of the same batch. `now` and `new_id` are for the records, `clock` is
    monotonic.
    """

    def __init__(
        self,
        fold: Fold,
        follower: Follower,
        contention: Contention,
        queue: CommandQueue,
        *,
        chained: bool,
        batch: int,
        now: Callable[[], int],
        new_id: Callable[[], str],
        clock: Callable[[], float],
        slices: TimeSlices,
        unary_slices: TimeSlices,
    ) -> None:
        self._fold, self._follower, self._contention, self._queue = fold, follower, contention, queue
        self._chained, self._batch, self._now, self._new_id = chained, batch, now, new_id
        self._clock, self._unary_at = clock, -UNARY_S
        self._slices, self._unary_slices = slices, unary_slices

    async def decide(self, attempts: list[Attempt]) -> BatchPlan:
        """Decide the attempts. If the plan has no records, its state was current after the attempts arrived.

        Afterwards `attempts` holds the decided ones: the others are requeued, and unary calls that arrived meanwhile
        are added.
        """
        # Only this server knows these order ids, so no other writer has written to them.
        are_new = all(attempt.is_new_order for attempt in attempts)
        queries_end = not (are_new or self._contention.is_sole_writer)
        if queries_end:
            await self._follower.catch_up()
        plan = await self._plan(attempts)
        needs_end = not (plan.records or are_new) and plan.depends_on_end
        if needs_end and await self._follower.fold_missed_records(queries_end):
            plan = await self._plan(attempts)
        return plan

    async def _plan(self, attempts: list[Attempt]) -> BatchPlan:
        """Decide unary attempts first; while unary calls are queued, decide batches for at most one slice of time."""
        plan = BatchPlan(self._fold, self._chained, self._now, self._new_id)
        add = partial(self._add, plan)
        unary, batched = _split_by_kind(attempts)
        plan.expect(unary)
        decided = await self._unary_slices.map(add, unary, lambda: plan.size >= PLAN_BYTES)
        self._queue.requeue(unary[len(decided) :])
        decided_unary = unary[: len(decided)]
        plan.expect(batched)
        decided = await self._slices.map(add, batched, self._turn_end_condition(plan, bool(unary)))
        self._queue.requeue(batched[len(decided) :])
        # Not beside other writers, because a refusal needs state that was current after its call arrived.
        late = self._queue.take_unary(self._batch) if decided and self._chained else []
        plan.expect(late)
        await self._unary_slices.map(add, late)
        attempts[:] = [*decided_unary, *batched[: len(decided)], *late]
        plan.times.decided = self._now()
        return plan

    def _turn_end_condition(self, plan: BatchPlan, has_unary: bool) -> Callable[[], bool]:
        """Return the condition that ends the deciding of batches in this turn."""
        if has_unary:
            self._unary_at = self._clock()
        end = self._clock() + TURN_S if self._clock() < self._unary_at + UNARY_S else inf
        return lambda: self._queue.has_unary or self._clock() >= end or plan.size >= PLAN_BYTES

    def _add(self, plan: BatchPlan, attempt: Attempt) -> None:
        try:
            plan.add(attempt)
        except StoreDamaged:  # the pages of other orders can be read
            answer(attempt, STORE_DAMAGED)
        except StoreUnavailable:
            raise
        except Exception:  # a defect in deciding one command must not affect the others
            _log.exception("a command could not be decided", extra=_fields_of(attempt))
            answer(attempt, FAULT)


def _fields_of(attempt: Attempt) -> dict[str, Fields]:
    trace_id = trace_id_of(attempt.traceparent)
    return name_fields(order_id=attempt.order_id, request_id=attempt.request_id, trace_id=trace_id)


def _split_by_kind(attempts: list[Attempt]) -> tuple[list[Attempt], list[Attempt]]:
    """Return the attempts of unary calls and those of batches, each in their order."""
    unary = [attempt for attempt in attempts if not attempt.is_batched]
    return unary, [attempt for attempt in attempts if attempt.is_batched]
