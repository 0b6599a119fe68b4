"""The attempts of one partition, from their coming until they are answered."""

import asyncio
from collections import deque
from itertools import islice

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.attempt import Answer, Attempt
from ordertrail_server.orders.refusal import Refusal, Refused

OVERLOADED = Refused(Refusal(reasons.ERROR_REASON_OVERLOADED, "Too many commands are waiting; try again shortly."))
UNAVAILABLE = Refusal(reasons.ERROR_REASON_UNAVAILABLE, "The log cannot be written for now; try again shortly.")


class Waiting:
    """At most `capacity` attempts that wait, in the order in which they came, and those whose turn it is."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: deque[Attempt] = deque()
        self._taken: list[Attempt] = []
        self._some, self._room, self._idle = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._ended = False

    def __len__(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    # For those who have commands

    def submit(self, attempt: Attempt) -> None:
        """Take an attempt in; its `answer` gets the answer. Raises Refused when too many wait, or after the end."""
        if self._ended:
            raise Refused(UNAVAILABLE)
        if len(self._waiting) >= self._capacity:
            raise OVERLOADED
        self._waiting.append(attempt)
        self._idle.clear()
        self._some.set()

    async def room(self) -> None:
        """Return when an attempt can be submitted."""
        while len(self._waiting) >= self._capacity and not self._ended:
            self._room.clear()
            await self._room.wait()

    async def idle(self) -> None:
        """Return when every attempt submitted so far is answered."""
        await self._idle.wait()

    def answer_late_ones(self, now: float) -> None:
        """Answer those whose callers would go without an answer otherwise: the log does not answer in time.

        What becomes of them is not known: they may lead to facts yet, or have.
        """
        late = [attempt for attempt in (*self._taken, *self._waiting) if attempt.until <= now]
        for attempt in late:
            answer(attempt, UNAVAILABLE)
        if late:
            self._waiting = deque(attempt for attempt in self._waiting if not attempt.answer.done())
            self._room.set()

    # For the one who handles them

    async def some(self) -> None:
        """Return when at least one attempt waits."""
        await self._some.wait()

    def take(self, limit: int) -> list[Attempt]:
        """Say that it is the turn of the first ones, up to `limit`; returns them, but for those whose callers went."""
        taken = list(islice(self._waiting, limit))
        for _ in taken:
            self._waiting.popleft()
        self._room.set()
        self._taken = [attempt for attempt in taken if not attempt.answer.done()]
        return self._taken

    def put_back(self, attempts: list[Attempt]) -> None:
        """Have it be the turn of these next, before all who wait."""
        self._waiting.extendleft(reversed(attempts))

    def handled(self) -> None:
        """Say that all who were taken are answered or put back."""
        self._taken = []
        if not self._waiting:
            self._some.clear()
            self._idle.set()

    def end(self) -> None:
        """Take no more in; answer those that are here.

        What became of them is not known: neither a receipt nor a refusal would be true.
        """
        self._ended = True
        for attempt in (*self._taken, *self._waiting):
            answer(attempt, UNAVAILABLE)
        self._idle.set()
        self._room.set()


def answer(attempt: Attempt, outcome: Answer) -> None:
    """Answer an attempt, unless its caller has gone."""
    if not attempt.answer.done():
        attempt.answer.set_result(outcome)
