"""A running writer with its fold, and what its answers must be."""

import asyncio
from typing import Any, Self

from tests.commands.sample_requests import build_change_quantity, build_place_order, new_id, prepare_attempt
from tests.commands.simulation.order_stores import MemoryStore
from tests.log.memory import MemoryLog

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail_server.commands.attempt import Accepted, Answer
from ordertrail_server.commands.fold import TAIL_BYTES, Fold
from ordertrail_server.commands.writer import Writer
from ordertrail_server.log.port import Log
from ordertrail_server.orders.refusal import Refusal

SECOND = 1_000_000_000
START_NS = 1_900_000_000 * SECOND


def require_accepted(answer: Answer) -> Accepted:
    assert isinstance(answer, Accepted), answer
    return answer


def require_refusal_reason(answer: Answer) -> str:
    assert isinstance(answer, Refusal), answer
    return ErrorReason.Name(answer.reason).removeprefix("ERROR_REASON_")


class RunningWriter:
    """One server: a running writer and its fold. Several may share a log. Nothing is projected until `project`.

    A follower also folds the records of other servers while it is idle. `now` is the wall clock in nanoseconds,
    `elapsed` the monotonic clock in seconds.
    """

    def __init__(self, log: Log, capacity: int = 100, is_follower: bool = False, tail_bytes: int = TAIL_BYTES) -> None:
        self.now, self.elapsed = START_NS, 0.0
        self.log, self.store = log, MemoryStore()
        self.fold = Fold(log, 0, self.store, tail_bytes=tail_bytes)
        self.writer = Writer(
            log,
            0,
            self.fold,
            now=lambda: self.now,
            new_id=new_id,
            capacity=capacity,
            back_off=lambda _: asyncio.sleep(0),
            clock=lambda: self.elapsed,
        )
        self._is_follower = is_follower

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.writer.run())
        self._tasks = [self.task]
        if self._is_follower:
            self._tasks.append(asyncio.create_task(self.writer.follow()))
        return self

    async def __aexit__(self, *raised: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def project(self) -> None:
        """Project the whole log, and report it to the writer."""
        assert isinstance(self.log, MemoryLog)
        self.store.project(self.log.records[0][self.store.position() :])
        self.writer.note_projected(self.store.position())

    async def become_sole_writer(self) -> None:
        """Append one batch after another until the writer knows that it is the sole writer."""
        await self.handle(build_place_order("place sole", "order-sole"))
        for quantity in range(2, 40):
            self.elapsed += 0.04
            await self.handle(build_change_quantity(f"change sole {quantity}", quantity, "order-sole"))

    async def handle(self, *requests: Any) -> list[Answer]:
        """Submit the requests together and return their answers."""
        attempts = [prepare_attempt(request) for request in requests]
        for attempt in attempts:
            self.writer.queue.submit(attempt)
        async with asyncio.timeout(10):
            return [await attempt.answer for attempt in attempts]
