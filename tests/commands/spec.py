"""Specifications of the write path: given a log and a writer on it, when commands come, then answers and records."""

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
BEGINNING = 1_900_000_000 * SECOND
VERBS: list[Any] = [
    GetMessageClass(field.message_type)
    for field in commands.Command.DESCRIPTOR.oneofs_by_name["verb"].fields
    if field.message_type
]
"""The request class of each verb."""

_ids = count(1)


def new_id() -> str:
    return f"01900000-0000-7000-8000-{next(_ids):012x}"


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
    """Return the attempt that a request asks for; the request stays as it is, to be sent again."""
    copy = type(request)()
    copy.CopyFrom(request)
    return prepare(copy, asyncio.get_running_loop().create_future(), Caller(), new_id)


def accepted(answer: Answer) -> Accepted:
    assert isinstance(answer, Accepted), answer
    return answer


def reason(answer: Answer) -> str:
    assert isinstance(answer, Refusal), answer
    return ErrorReason.Name(answer.reason).removeprefix("ERROR_REASON_")


class TroubledLog(MemoryLog):
    """Raises what is in `troubles` instead of answering the next appends; their records land where `lands` says so.

    While `answers` is not set, no append is answered.
    """

    def __init__(self, *, atomic: bool = True) -> None:
        super().__init__(atomic=atomic)
        self.troubles: deque[Exception] = deque()
        self.lands = False
        self.unreachable = False
        self.appends: list[int] = []
        self.asked = 0
        self.asked_to_append, self.answers = asyncio.Event(), asyncio.Event()
        self.answers.set()

    async def end(self, partition: int, known: int = 0) -> int:
        self.asked += 1
        if self.unreachable:
            raise self.troubles[0]
        return await super().end(partition)

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        self.appends.append(len(entries))
        self.asked_to_append.set()
        await self.answers.wait()
        if not self.troubles:
            return await super().append(partition, entries)
        if self.lands:
            await super().append(partition, entries)
        raise self.troubles.popleft()


class Writing:
    """A writer at work on a log, from its beginning; several may share one. One that `follows` is told of more."""

    def __init__(self, log: Log, capacity: int = 100, follows: bool = False) -> None:
        self.now, self.elapsed = BEGINNING, 0.0
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
        self._follows = follows

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.writer.run())
        self._tasks = [self.task]
        if self._follows:
            self._tasks.append(asyncio.create_task(self.writer.follow()))
        return self

    async def __aexit__(self, *raised: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def write_alone(self) -> None:
        """Place an order and change it again and again, until the writer may hold that nobody else writes."""
        await self.handle(place("place alone", "order-alone"))
        for quantity in range(2, 40):
            self.elapsed += 0.04
            await self.handle(change(f"change {quantity}", quantity, "order-alone"))

    async def handle(self, *requests: Any) -> list[Answer]:
        """Return the answers to requests that come at once."""
        attempts = [attempt_of(request) for request in requests]
        for attempt in attempts:
            self.writer.queue.submit(attempt)
        async with asyncio.timeout(10):
            return [await attempt.answer for attempt in attempts]
