"""The call of one consumer: what waits to be sent to it."""

from asyncio import Event
from collections import deque

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_INVALID_REQUEST
from ordertrail.v1.subscription_service_pb2 import (
    ConsumeResponse,
    DeliveryConfirmation,
    DeliveryCredits,
    DeliveryOutcome,
    HandOut as HandOutMessage,
)
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.schema.wire import bytes_tag, chunk, first_field
from ordertrail_server.subscriptions.hand_outs import HandOut, Outcome
from ordertrail_server.subscriptions.order_queue import Consumer

RESPONSE_BYTES = 256 * 1024
"""A response ends after the delivery that reaches this size."""

RESPONSE_CONFIRMATIONS = 2_000
MAX_EVENTS, MAX_BYTES = 2_000, 8 << 20
"""The most credits of a consumer."""

UNSENT_CONFIRMATIONS = 4_000
"""While more confirmations wait for the caller to read them, its answers are not read."""

_HAND_OUT = bytes_tag(2)

OUTCOMES = {
    Outcome.ACKNOWLEDGED: DeliveryOutcome.DELIVERY_OUTCOME_ACKNOWLEDGED,
    Outcome.REJECTED: DeliveryOutcome.DELIVERY_OUTCOME_REJECTED,
    Outcome.PARKED: DeliveryOutcome.DELIVERY_OUTCOME_PARKED,
    Outcome.STALE: DeliveryOutcome.DELIVERY_OUTCOME_STALE,
}


class Session:
    """A consumer, and its outbox. `unsent_bytes` are those of deliveries that its caller has not read.

    It is silent if it has not answered in time, and has sent nothing since.
    """

    def __init__(self) -> None:
        self.consumer = Consumer()
        self.unsent_bytes, self.is_silent = 0, False
        self._granted = DeliveryCredits()
        self._deliveries: deque[bytes] = deque()
        self._confirmations: deque[DeliveryConfirmation] = deque()
        self._changed, self._has_room = Event(), Event()
        self._has_room.set()
        self._is_ended = False
        self._error: Exception | None = None

    def grant(self, credits: DeliveryCredits) -> None:
        """Count credits. Raises Refused if they are more in all than a consumer may have."""
        self._granted.events += credits.events
        self._granted.bytes += credits.bytes
        if self._granted.events > MAX_EVENTS or self._granted.bytes > MAX_BYTES:
            message = (
                f"credits: a consumer may have {MAX_EVENTS:,} events and {MAX_BYTES:,} bytes in all. Credits come back "
                "by themselves when events leave the consumer."
            )
            raise Refused(Refusal(ERROR_REASON_INVALID_REQUEST, message, where="credits"))

    def reserve(self, hand_out: HandOut) -> None:
        """Count a delivery that will be sent once its hand-out is durable."""
        self.unsent_bytes += len(hand_out.frame)

    def release(self, hand_out: HandOut) -> None:
        """Undo `reserve`."""
        self.unsent_bytes -= len(hand_out.frame)

    def deliver(self, hand_out: HandOut, message: HandOutMessage) -> None:
        """Send an event. Its stored bytes are passed through."""
        delivery = hand_out.frame + chunk(_HAND_OUT, message.SerializeToString())
        self.unsent_bytes += len(delivery)
        self._deliveries.append(delivery)
        self._changed.set()

    def confirm(self, message: HandOutMessage, outcome: Outcome) -> None:
        """Send the outcome of an answer."""
        self._confirmations.append(DeliveryConfirmation(hand_out=message, outcome=OUTCOMES[outcome]))
        if len(self._confirmations) >= UNSENT_CONFIRMATIONS:
            self._has_room.clear()
        self._changed.set()

    def end(self, error: Exception | None = None) -> None:
        """End the call: after the confirmations that wait, or at once with an error."""
        self._is_ended, self._error = True, self._error or error
        self._has_room.set()
        self._changed.set()

    async def wait_for_room(self) -> None:
        """Wait until the caller has read enough confirmations."""
        await self._has_room.wait()

    async def next_response(self) -> bytes | None:
        """Return the next serialized ConsumeResponse; None at the end of the call. Raises the error that ends it."""
        while True:
            if self._error is not None:
                raise self._error
            if self._is_ended:
                self._deliveries.clear()
            if self._deliveries or self._confirmations:
                return self._take_response()
            if self._is_ended:
                return None
            self._changed.clear()
            await self._changed.wait()

    def _take_response(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while self._deliveries and size < RESPONSE_BYTES:
            delivery = self._deliveries.popleft()
            parts.append(first_field(delivery))
            size += len(delivery)
        self.unsent_bytes -= size
        count = min(len(self._confirmations), RESPONSE_CONFIRMATIONS)
        confirmations = [self._confirmations.popleft() for _ in range(count)]
        if len(self._confirmations) < UNSENT_CONFIRMATIONS:
            self._has_room.set()
        return b"".join(parts) + ConsumeResponse(confirmations=confirmations).SerializeToString()
