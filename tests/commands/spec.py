"""Fixtures for specifications of the write path: requests, a log with faults, and a running writer."""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import count
from typing import Any, Self

from google.protobuf.message_factory import GetMessageClass
from tests.commands.simulation.snapshot_store import NoSnapshot
from tests.log.memory import MemoryLog

from ordertrail.v1 import commands_pb2 as commands
from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderedLine
from ordertrail_server.commands.attempt import Accepted, Answer, Attempt
from ordertrail_server.commands.fold import Fold
from ordertrail_server.commands.prepare import Caller, prepare
from ordertrail_server.commands.writer import Writer
from ordertrail_server.log.port import Entry, Log
from ordertrail_server.orders.refusal import Refusal

ORDER = "order-1"
SECOND = 1_000_000_000
START_NS = 1_900_000_000 * SECOND
VERBS: list[Any] = [
    GetMessageClass(field.message_type)
    for field in commands.Command.DESCRIPTOR.oneofs_by_name["verb"].fields
    if field.message_type
]
"""The request class of each verb."""

_id_numbers = count(1)


def new_id() -> str:
    return f"01900000-0000-7000-8000-{next(_id_numbers):012x}"


def line(product: str = "apple", quantity: int = 1) -> OrderedLine:
    price = Money(currency_code="EUR", units=5)
    return OrderedLine(product_id=product, quantity=quantity, unit_price=price)


def place(request_id: str = "place", order_id: str = ORDER, **fields: Any) -> commands.PlaceOrderRequest:
    request = {"customer_id": "shop-1", "lines": [line()], "request_id": request_id, "order_id": order_id, **fields}
    return commands.PlaceOrderRequest(**request)


def change(request_id: str, quantity: int, order_id: str = ORDER, **fields: Any) -> Any:
    request = {"product_id": "apple", "quantity": quantity, "request_id": request_id, "order_id": order_id, **fields}
    return commands.ChangeOrderLineQuantityRequest(**request)


def confirm(request_id: str = "confirm", order_id: str = ORDER, **fields: Any) -> commands.ConfirmOrderRequest:
    return commands.ConfirmOrderRequest(request_id=request_id, order_id=order_id, **fields)


def attempt_of(request: Any) -> Attempt:
    """Return the attempt of a copy of the request, so that the request can be sent again."""
    copy = type(request)()
    copy.CopyFrom(request)
    return prepare(copy, asyncio.get_running_loop().create_future(), Caller(), new_id)


def accepted(answer: Answer) -> Accepted:
    assert isinstance(answer, Accepted), answer
    return answer


def reason(answer: Answer) -> str:
    assert isinstance(answer, Refusal), answer
    return ErrorReason.Name(answer.reason).removeprefix("ERROR_REASON_")


class FaultyLog(MemoryLog):
    """Raises the next of `errors` from each append; if `stores_before_error`, the records are stored nevertheless.

    While `may_answer` is not set, no append returns. `unreachable` makes queries for the end raise the first error.
    `appends` are the sizes of all appends, `end_queries` is the number of queries for the end.
    """

    def __init__(self, *, atomic: bool = True) -> None:
        super().__init__(atomic=atomic)
        self.errors: deque[Exception] = deque()
        self.stores_before_error = False
        self.unreachable = False
        self.appends: list[int] = []
        self.end_queries = 0
        self.append_started, self.may_answer = asyncio.Event(), asyncio.Event()
        self.may_answer.set()

    async def end(self, partition: int, at_least: int = 0) -> int:
        self.end_queries += 1
        if self.unreachable:
            raise self.errors[0]
        return await super().end(partition)

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        self.appends.append(len(entries))
        self.append_started.set()
        await self.may_answer.wait()
        if not self.errors:
            return await super().append(partition, entries)
        if self.stores_before_error:
            await super().append(partition, entries)
        raise self.errors.popleft()


class RunningWriter:
    """One server: a running writer and its fold, from offset 0. Several may share a log.

    A follower also folds the records of other servers while it is idle. `now` is the wall clock in nanoseconds,
    `elapsed` the monotonic clock in seconds.
    """

    def __init__(self, log: Log, capacity: int = 100, is_follower: bool = False) -> None:
        self.now, self.elapsed = START_NS, 0.0
        self.fold = Fold(log, 0, NoSnapshot())
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

    async def become_sole_writer(self) -> None:
        """Append one batch after another until the writer knows that it is the sole writer."""
        await self.handle(place("place sole", "order-sole"))
        for quantity in range(2, 40):
            self.elapsed += 0.04
            await self.handle(change(f"change sole {quantity}", quantity, "order-sole"))

    async def handle(self, *requests: Any) -> list[Answer]:
        """Submit the requests together and return their answers."""
        attempts = [attempt_of(request) for request in requests]
        for attempt in attempts:
            self.writer.queue.submit(attempt)
        async with asyncio.timeout(10):
            return [await attempt.answer for attempt in attempts]
