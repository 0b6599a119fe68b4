"""Posts the events of one webhook: it is the only consumer of its subscription."""

import logging
from asyncio import Task, create_task, get_running_loop, sleep, wait
from collections.abc import Callable
from random import random

from google.protobuf.duration_pb2 import Duration

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.subscription_service_pb2 import (
    ConsumeRequest,
    ConsumeResponse,
    Delivery,
    DeliveryRejection,
    HandOut,
)
from ordertrail_server.log.position import LogPosition
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.subscriptions.running_subscription import RunningSubscription
from ordertrail_server.subscriptions.session import Session
from ordertrail_server.subscriptions.webhook_changes import Attempted, Prepared, WebhookChange, WebhookDisabled
from ordertrail_server.webhooks.attempt_totals import AttemptTotals
from ordertrail_server.webhooks.body import prepare
from ordertrail_server.webhooks.circuit_breaker import CircuitBreaker
from ordertrail_server.webhooks.credit_control import CreditControl
from ordertrail_server.webhooks.http_response import PostingEnded
from ordertrail_server.webhooks.poster_loader import PosterLoader
from ordertrail_server.webhooks.retry import retry_delay

_log = logging.getLogger(__name__)

GONE = 410
RECONNECT_S = 5.0
FAILURE_S = 60.0
"""How long a delivery waits after an error of the server's own."""

STOP_S = 3.0
"""How long attempts may continue when the server stops."""


class Worker:
    """For one event loop. `connection_share`: see CreditControl. `draw` returns a random number from 0 to 1."""

    def __init__(
        self,
        running: RunningSubscription,
        loader: PosterLoader,
        connection_share: Callable[[], int],
        draw: Callable[[], float] = random,
    ) -> None:
        self.running, self.control = running, CreditControl(running, connection_share)
        self.last_error, self.attempt_totals = "", AttemptTotals()
        self._loader, self._draw = loader, draw
        self._attempts: set[Task[None]] = set()

    async def run(self) -> None:
        """Post until the subscription is deleted or stops."""
        state, name = self.running.state, self.running.definition.name
        while not (state.is_deleted or state.stop_reason):
            try:
                await self._serve()
            except Exception as error:
                if not state.is_deleted:
                    if not _is_handed_over(error):
                        _log.warning("webhook %s waits: %s", name, error)
                    await sleep(RECONNECT_S)

    async def stop(self) -> None:
        """Begin no other attempt, and give those that run a short time."""
        self.control.stop()
        if self._attempts:
            await wait(self._attempts, timeout=STOP_S)

    def note_change(self, *, is_new_receiver: bool) -> None:
        """Continue with the webhook as it is now. A new receiver is not judged by the failures of the one before."""
        if is_new_receiver:
            self.control.breaker, self.last_error = CircuitBreaker(), ""
            self.running.end_delays()
        self.control.adjust()

    async def _serve(self) -> None:
        session = self.running.connect()
        session.consumer.takes_one_event = True
        self.control.begin(session)
        try:
            while (response := await session.next_response()) is not None:
                self.running.note_sent()
                for delivery in ConsumeResponse.FromString(response).deliveries:
                    self._begin(session, delivery)
        finally:
            self.control.end()
            await self._cancel_attempts()
            self.running.disconnect(session, is_orderly=True)

    def _begin(self, session: Session, delivery: Delivery) -> None:
        task = create_task(self._deliver(session, delivery))
        self._attempts.add(task)
        task.add_done_callback(self._attempts.discard)

    async def _deliver(self, session: Session, delivery: Delivery) -> None:
        hand_out = delivery.hand_out
        position = LogPosition(delivery.event.position.partition, delivery.event.position.offset).pack()
        try:
            poster, prepared = await self._loader.load(), await self._prepare(delivery.event, position)
            if session.consumer.find_flight(position, hand_out.attempt) is None:
                self.control.answer(ConsumeRequest())  # the event was taken back meanwhile
                return
            attempted, retry_after_s = await poster.attempt(self.running, prepared, hand_out.attempt)
            self._settle(delivery, attempted, retry_after_s)
        except PostingEnded:
            return  # its hand-out ends with the term of this server
        except Exception as error:
            _log.exception("webhook %s cannot deliver", self.running.definition.name)
            self.control.answer(_reject(hand_out, FAILURE_S, f"an error of the server: {type(error).__name__}"))

    async def _prepare(self, event: HistoryEvent, position: int) -> Prepared:
        """Return the body of a delivery, which is stored before the first attempt and never changes."""
        logged = self.control.webhook.unfinished.get(position)
        if logged is not None:
            return logged.prepared
        prepared = prepare(event, position, self.running.delivery_ids.write(position))
        await self.running.store([prepared])
        return prepared

    def _settle(self, delivery: Delivery, attempted: Attempted, retry_after_s: float) -> None:
        """Store what became of an attempt, and answer its hand-out."""
        self.attempt_totals.add(attempted)
        changes: list[WebhookChange] = [attempted]
        if attempted.is_success:
            self.control.breaker.note_success()
            answer = ConsumeRequest(acknowledgements=[delivery.hand_out])
        else:
            self.last_error = attempted.error or f"the receiver answered with status {attempted.status}"
            self.control.breaker.note_failure(attempted.position, get_running_loop().time())
            delay_s = retry_delay(self._count_attempts(delivery, attempted), self._draw(), retry_after_s)
            answer = _reject(delivery.hand_out, delay_s, self.last_error)
            if attempted.status == GONE:
                changes.append(WebhookDisabled("the receiver answered 410 Gone"))
        self.running.change(changes, _nothing)
        self.control.adjust()  # before the answer, which makes room for another hand-out
        self.control.answer(answer)

    def _count_attempts(self, delivery: Delivery, attempted: Attempted) -> int:
        order = self.running.state.orders.get(delivery.event.order_id)
        return 1 if order is None else order.counted_attempts(attempted.position)

    async def _cancel_attempts(self) -> None:
        for task in self._attempts:
            task.cancel()
        if self._attempts:
            await wait(self._attempts)


def _is_handed_over(error: Exception) -> bool:
    """Return whether a session ended because another server serves the subscription."""
    return isinstance(error, Refused) and error.refusal.reason == ERROR_REASON_UNAVAILABLE


def _reject(hand_out: HandOut, delay_s: float, reason: str) -> ConsumeRequest:
    delay = Duration()
    delay.FromNanoseconds(int(delay_s * 1e9))
    return ConsumeRequest(rejections=[DeliveryRejection(hand_out=hand_out, delay=delay, reason=reason[:500])])


def _nothing() -> None:
    pass
