"""The attempts of one partition, from their coming until they are answered."""

import asyncio
from collections import deque
from itertools import chain

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.attempt import Answer, Attempt
from ordertrail_server.orders.refusal import Refusal, Refused

OVERLOADED = Refused(Refusal(reasons.ERROR_REASON_OVERLOADED, "Too many commands are waiting; try again shortly."))
UNAVAILABLE = Refusal(reasons.ERROR_REASON_UNAVAILABLE, "The log cannot be written for now; try again shortly.")


class Waiting:
    """The attempts that wait, and those whose turn it is.

    Attempts of unary calls and those of batches wait in two lines, each in the order in which they came and each of at
    most `capacity`, so that neither keeps the other waiting.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._unary, self._batched = deque[Attempt](), deque[Attempt]()
        self._taken: list[Attempt] = []
        self._some, self._room, self._idle = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._ended = False

    def __len__(self) -> int:
        """How many wait for their turn."""
        return len(self._unary) + len(self._batched)

    # For those who have commands

    def submit(self, attempt: Attempt) -> None:
        """Take an attempt in; its `answer` gets the answer. Raises Refused when too many wait, or after the end."""
        if self._ended:
            raise Refused(UNAVAILABLE)
        line = self._line(attempt)
        if len(line) >= self._capacity:
            raise OVERLOADED
        line.append(attempt)
        self._idle.clear()
        self._some.set()

    def has_room(self, attempt: Attempt) -> bool:
        """Return whether the attempt can be submitted."""
        return len(self._line(attempt)) < self._capacity or self._ended

    async def room(self, attempt: Attempt) -> None:
        """Return when the attempt can be submitted."""
        while not self.has_room(attempt):
            self._room.clear()
            await self._room.wait()

    async def idle(self) -> None:
        """Return when every attempt submitted so far is answered."""
        await self._idle.wait()

    def answer_late_ones(self, now: float) -> None:
        """Answer those whose callers would go without an answer otherwise: the log does not answer in time.

        What becomes of them is not known: they may lead to facts yet, or have.
        """
        late = [attempt for attempt in self._all() if attempt.until <= now]
        for attempt in late:
            answer(attempt, UNAVAILABLE)
        if late:
            for line in (self._unary, self._batched):
                unanswered = [attempt for attempt in line if not attempt.answer.done()]
                line.clear()
                line.extend(unanswered)
            self._room.set()

    # For the one who handles them

    @property
    def has_unary(self) -> bool:
        """Whether an attempt of a unary call waits."""
        return bool(self._unary)

    @property
    def is_mixed(self) -> bool:
        """Whether attempts of unary calls and of batches wait."""
        return bool(self._unary and self._batched)

    async def some(self) -> None:
        """Return when at least one attempt waits."""
        await self._some.wait()

    def take(self, limit: int) -> list[Attempt]:
        """Say that it is the turn of up to `limit` attempts; returns them, but for those whose callers went.

        Those of unary calls come first, and leave half of the turn to those of batches.
        """
        unary = _first(self._unary, limit - min(len(self._batched), limit // 2))
        taken = unary + _first(self._batched, limit - len(unary))
        self._room.set()
        self._taken = [attempt for attempt in taken if not attempt.answer.done()]
        return list(self._taken)

    def take_unary(self, limit: int) -> list[Attempt]:
        """Say that it is the turn of up to `limit` further attempts of unary calls too; returns them."""
        unary = [attempt for attempt in _first(self._unary, limit) if not attempt.answer.done()]
        self._taken.extend(unary)
        return unary

    def put_back(self, attempts: list[Attempt]) -> None:
        """Have it be the turn of these next, before all who wait."""
        for attempt in reversed(attempts):
            self._line(attempt).appendleft(attempt)

    def handled(self) -> None:
        """Say that all who were taken are answered or put back."""
        self._taken = []
        if not len(self):
            self._some.clear()
            self._idle.set()

    def end(self) -> None:
        """Take no more in; answer those that are here.

        What became of them is not known: neither a receipt nor a refusal would be true.
        """
        self._ended = True
        for attempt in self._all():
            answer(attempt, UNAVAILABLE)
        self._idle.set()
        self._room.set()

    def _line(self, attempt: Attempt) -> deque[Attempt]:
        return self._batched if attempt.batched else self._unary

    def _all(self) -> list[Attempt]:
        return list(chain(self._taken, self._unary, self._batched))


def _first(line: deque[Attempt], limit: int) -> list[Attempt]:
    return [line.popleft() for _ in range(min(limit, len(line)))]


def answer(attempt: Attempt, outcome: Answer) -> None:
    """Answer an attempt, unless its caller has gone."""
    if not attempt.answer.done():
        attempt.answer.set_result(outcome)
