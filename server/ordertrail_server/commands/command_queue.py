"""The queue of attempts at one partition's writer, from submission to answer."""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import chain

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.attempt import Answer, Attempt
from ordertrail_server.orders.refusal import Refusal, Refused

OVERLOADED = Refusal(
    reasons.ERROR_REASON_OVERLOADED, "The server has too much work; retry with the same request id shortly."
)
UNAVAILABLE = Refusal(
    reasons.ERROR_REASON_UNAVAILABLE, "The log cannot be written now; retry with the same request id shortly."
)

STORE_DAMAGED = Refusal(
    reasons.ERROR_REASON_UNAVAILABLE,
    "The projection orders is damaged and is being built again from the log; retry with the same request id shortly.",
)


class CommandQueue:
    """A bounded queue of attempts, and the attempts that the writer handles now.

    Attempts of unary calls and attempts of batches have a lane each: first in, first out, at most `capacity` attempts.
    So neither kind blocks the other.
    """

    def __init__(self, capacity: int, is_behind: Callable[[], bool] = lambda: False) -> None:
        """While `is_behind`, no attempt is queued, because its record could not be kept in memory."""
        self._capacity, self._is_behind = capacity, is_behind
        self._unary, self._batched = deque[Attempt](), deque[Attempt]()
        self._in_flight: list[Attempt] = []
        self._nonempty, self._space, self._joined = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._joined.set()
        self._closed = False

    def __len__(self) -> int:
        """Return the number of queued attempts, without those in flight."""
        return len(self._unary) + len(self._batched)

    # For producers

    def submit(self, attempt: Attempt) -> None:
        """Queue an attempt; its `answer` gets the answer. Raises Refused if the lane is full or the queue is closed."""
        if self._closed:
            raise Refused(UNAVAILABLE)
        if not self.has_space(attempt):
            raise Refused(OVERLOADED)
        self._lane_of(attempt).append(attempt)
        self._joined.clear()
        self._nonempty.set()

    def has_space(self, attempt: Attempt) -> bool:
        """Return whether `submit` would not refuse the attempt as OVERLOADED."""
        return self._closed or (len(self._lane_of(attempt)) < self._capacity and not self._is_behind())

    async def wait_for_space(self, attempt: Attempt) -> None:
        """Return when the attempt can be submitted."""
        while not self.has_space(attempt):
            self._space.clear()
            await self._space.wait()

    async def join(self) -> None:
        """Return when every attempt submitted so far is answered."""
        await self._joined.wait()

    def answer_expired(self, now: float) -> None:
        """Answer attempts whose deadline has passed as UNAVAILABLE, because the log does not answer in time.

        Their outcome is unknown: they may have led to facts, or may still.
        """
        expired = [attempt for attempt in self._all() if attempt.deadline <= now]
        for attempt in expired:
            answer(attempt, UNAVAILABLE)
        if expired:
            for lane in (self._unary, self._batched):
                unanswered = [attempt for attempt in lane if not attempt.answer.done()]
                lane.clear()
                lane.extend(unanswered)
            self._space.set()

    def note_space(self) -> None:
        """Wake the attempts that wait for space."""
        self._space.set()

    # For the writer

    @property
    def has_unary(self) -> bool:
        """True if an attempt of a unary call is queued."""
        return bool(self._unary)

    @property
    def is_mixed(self) -> bool:
        """True if both attempts of unary calls and attempts of batches are queued."""
        return bool(self._unary and self._batched)

    async def wait_nonempty(self) -> None:
        """Return when at least one attempt is queued."""
        await self._nonempty.wait()

    def take(self, limit: int) -> list[Attempt]:
        """Remove and return up to `limit` attempts, without those whose callers have cancelled.

        Attempts of unary calls come first; they leave half of the limit to attempts of batches.
        """
        unary = _pop(self._unary, limit - min(len(self._batched), limit // 2))
        attempts = unary + _pop(self._batched, limit - len(unary))
        self._space.set()
        self._in_flight = [attempt for attempt in attempts if not attempt.answer.done()]
        return list(self._in_flight)

    def take_unary(self, limit: int) -> list[Attempt]:
        """Remove and return up to `limit` further attempts of unary calls; they are in flight with the others."""
        unary = [attempt for attempt in _pop(self._unary, limit) if not attempt.answer.done()]
        self._in_flight.extend(unary)
        return unary

    async def refuse_unary_until_space(self) -> None:
        """Refuse the queued attempts of unary calls; return once `note_space` or `close` was called.

        Those of batches stay queued, because the caller of a batch already waits for space.
        """
        for attempt in self._unary:
            refuse_overloaded(attempt)
        self._unary.clear()
        self.finish_batch()
        if len(self):
            self._space.clear()
            await self._space.wait()

    def requeue(self, attempts: list[Attempt]) -> None:
        """Put attempts back at the head of the queue."""
        for attempt in reversed(attempts):
            self._lane_of(attempt).appendleft(attempt)

    def finish_batch(self) -> None:
        """Note that every attempt in flight is answered or requeued."""
        self._in_flight = []
        if not len(self):
            self._nonempty.clear()
            self._joined.set()

    def close(self) -> None:
        """Refuse further attempts, and answer all queued ones as UNAVAILABLE.

        Their outcome is unknown, so neither a receipt nor a final refusal would be correct.
        """
        self._closed = True
        for attempt in self._all():
            answer(attempt, UNAVAILABLE)
        self._joined.set()
        self._space.set()

    def _lane_of(self, attempt: Attempt) -> deque[Attempt]:
        return self._batched if attempt.is_batched else self._unary

    def _all(self) -> list[Attempt]:
        return list(chain(self._in_flight, self._unary, self._batched))


def _pop(lane: deque[Attempt], limit: int) -> list[Attempt]:
    return [lane.popleft() for _ in range(min(limit, len(lane)))]


def answer(attempt: Attempt, outcome: Answer) -> None:
    """Set the answer of an attempt, unless its caller has cancelled."""
    if not attempt.answer.done():
        attempt.answer.set_result(outcome)


def refuse_overloaded(attempt: Attempt) -> None:
    """Refuse an attempt for lack of memory. If a record was appended for it before, its outcome is unknown."""
    answer(attempt, UNAVAILABLE if attempt.appended_digest else OVERLOADED)
