"""A consumer of a durable subscription, which reconnects by itself.

    async with orders.consume("mails") as consumer:
        async for delivery in consumer:
            await send_mail(delivery.event, key=delivery.event.event_id)
            consumer.acknowledge(delivery)

Events arrive at least once, in order within their order. After a lost connection the server hands out again what was
not acknowledged.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import grpc
from google.protobuf.duration_pb2 import Duration

from ordertrail.backoff import Backoff
from ordertrail.errors import OrderTrailError, Unavailable, from_rpc_error
from ordertrail.v1.subscription_service_pb2 import (
    ConsumeRequest,
    ConsumeResponse,
    Delivery,
    DeliveryCredits,
    DeliveryOutcome,
    DeliveryRejection,
    HandOut,
)

if TYPE_CHECKING:
    from ordertrail.v1.subscription_service_pb2_grpc import SubscriptionServiceAsyncStub

__all__ = ["Consumer"]

CLOSE_SECONDS = 5.0
"""How long a consumer that is closed waits for the confirmations of its answers."""

LONGEST_BACKOFF_SECONDS = 0.5
"""The longest wait between two attempts to connect. Orders wait meanwhile, so it is shorter than that of streams."""

ANSWERS = 100
"""The most answers of one message."""

Answered = asyncio.Future[DeliveryOutcome.ValueType]
_Key = tuple[str, int, int]


class Consumer:
    """An asynchronous iterator of deliveries, for `async with`.

    `max_events` and `max_bytes` limit what is in flight: handed out to this consumer and not answered. Iteration raises
    Unavailable when attempts to connect have failed for `patience` seconds, and raises an error that no retry can fix
    at once.
    """

    def __init__(
        self,
        stub: "SubscriptionServiceAsyncStub",
        subscription: str,
        *,
        max_events: int = 100,
        max_bytes: int = 1 << 20,
        patience: float = 60.0,
    ) -> None:
        self._stub, self._patience = stub, patience
        credits = DeliveryCredits(events=max_events, bytes=max_bytes)
        self._connect = ConsumeRequest(subscription=subscription, credits=credits)
        self._deliveries: deque[Delivery] = deque()
        self._answers: deque[HandOut | DeliveryRejection] = deque()
        self._unconfirmed: dict[_Key, Answered] = {}
        self._arrived, self._answered = asyncio.Event(), asyncio.Event()
        self._is_closing = False
        self._task: asyncio.Task[None] | None = None

    def acknowledge(self, delivery: Delivery) -> Answered:
        """Tell the server that the event is processed. Does not wait.

        Await the result for the outcome: once it is ACKNOWLEDGED, the event is never handed out again. STALE means that
        the acknowledgement did not count, or that the connection was lost; then the event may be handed out again.
        """
        return self._answer(delivery.hand_out, delivery.hand_out)

    def reject(self, delivery: Delivery, *, delay: float = 0.0, reason: str = "") -> Answered:
        """Tell the server that the event could not be processed. Does not wait; await the result for the outcome.

        The order is not handed out for `delay` seconds. An operator sees `reason`, its first 500 characters, if the
        order is parked.
        """
        duration = Duration()
        duration.FromNanoseconds(int(delay * 1e9))
        rejection = DeliveryRejection(hand_out=delivery.hand_out, delay=duration, reason=reason[:500])
        return self._answer(delivery.hand_out, rejection)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delivery:
        while not self._deliveries:
            if self._task is None or self._is_closing:
                raise StopAsyncIteration
            if self._task.done():
                self._task.result()
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._deliveries.popleft()

    async def close(self) -> None:
        """Send the answers that wait, wait for their confirmations, and disconnect."""
        self._is_closing = True
        self._answered.set()
        self._arrived.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)
            self._task.cancel()
        self._forget_connection()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._note_end)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self) -> None:
        backoff = Backoff(self._patience, LONGEST_BACKOFF_SECONDS)
        while True:
            try:
                await self._converse(backoff)
                cause: OrderTrailError = _unavailable("The server ended the call.")
            except grpc.aio.AioRpcError as error:
                cause = from_rpc_error(error)
            except asyncio.InvalidStateError:  # the library's error for a write to a call that has ended
                cause = _unavailable("The connection was lost.")
            self._forget_connection()
            if self._is_closing:
                return
            await backoff.wait(cause)

    async def _converse(self, backoff: Backoff) -> None:
        consume: Any = self._stub.Consume  # the stubs know calls with an iterator only
        call = consume()
        writer = asyncio.create_task(self._write(call))
        try:
            while (response := await call.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]  # the stubs leave EOF out
                backoff.reset()
                self._take(response)
        finally:
            writer.cancel()
            await asyncio.wait({writer})
            call.cancel()

    async def _write(self, call: Any) -> None:
        try:
            await call.write(self._connect)
            while not (self._is_closing and not self._answers):
                await self._answered.wait()
                self._answered.clear()
                while self._answers:
                    await call.write(self._take_answers())
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # the reader gets the error of the call

    def _take_answers(self) -> ConsumeRequest:
        request = ConsumeRequest()
        for _ in range(min(ANSWERS, len(self._answers))):
            answer = self._answers.popleft()
            if isinstance(answer, HandOut):
                request.acknowledgements.append(answer)
            else:
                request.rejections.append(answer)
        return request

    def _take(self, response: ConsumeResponse) -> None:
        for confirmation in response.confirmations:
            answered = self._unconfirmed.pop(_key(confirmation.hand_out), None)
            if answered is not None and not answered.done():
                answered.set_result(confirmation.outcome)
        self._deliveries.extend(response.deliveries)
        self._arrived.set()

    def _answer(self, hand_out: HandOut, answer: HandOut | DeliveryRejection) -> Answered:
        key = _key(hand_out)
        if key in self._unconfirmed:
            return self._unconfirmed[key]
        answered: Answered = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():  # no server will confirm it
            answered.set_result(DeliveryOutcome.DELIVERY_OUTCOME_STALE)
            return answered
        self._unconfirmed[key] = answered
        self._answers.append(answer)
        self._answered.set()
        return answered

    def _forget_connection(self) -> None:
        """Drop what the server hands out again: deliveries that wait, and answers that it has not confirmed."""
        self._deliveries.clear()
        self._answers.clear()
        for answered in self._unconfirmed.values():
            if not answered.done():
                answered.set_result(DeliveryOutcome.DELIVERY_OUTCOME_STALE)
        self._unconfirmed.clear()

    def _note_end(self, task: "asyncio.Task[None]") -> None:
        self._forget_connection()
        if not task.cancelled():
            task.exception()
        self._arrived.set()


def _key(hand_out: HandOut) -> _Key:
    return hand_out.delivery_id, hand_out.epoch, hand_out.attempt


def _unavailable(message: str) -> Unavailable:
    return Unavailable(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", message)
