"""The answers of consumers to what was handed out to them, and the confirmations of these answers."""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from time import time_ns

from ordertrail.v1.subscription_service_pb2 import DeliveryRejection, HandOut as HandOutMessage
from ordertrail_server.subscriptions.commit_buffer import CommitBuffer
from ordertrail_server.subscriptions.delays import Delays
from ordertrail_server.subscriptions.delivery_id import DeliveryIds
from ordertrail_server.subscriptions.dispatch import Dispatch
from ordertrail_server.subscriptions.hand_outs import Answered, Outcome
from ordertrail_server.subscriptions.order_queue import Flight
from ordertrail_server.subscriptions.session import Session
from ordertrail_server.subscriptions.state import SubscriptionState

EXPIRED = "expired"


class ConsumerAnswers:
    """Notes answers in the dispatch of a subscription. A consumer gets their confirmation once they are durable."""

    def __init__(
        self, state: SubscriptionState, delivery_ids: DeliveryIds, buffer: CommitBuffer, delays: Delays
    ) -> None:
        self._state, self._delivery_ids, self._buffer, self._delays = state, delivery_ids, buffer, delays
        self.counts = Counter({outcome.value: 0 for outcome in Outcome} | {EXPIRED: 0})
        """The number of answers by outcome since the start, and of hand-outs that were not answered in time."""

    def acknowledge(self, dispatch: Dispatch, session: Session, hand_out: HandOutMessage) -> None:
        """Note that a consumer is done with an event."""
        position = self._position_of(hand_out)
        if position is None:
            session.confirm(hand_out, Outcome.STALE)
        else:
            self._confirm(session, dispatch.acknowledge(session.consumer, position, hand_out.attempt, time_ns()))

    def reject(self, dispatch: Dispatch, session: Session, rejection: DeliveryRejection) -> None:
        """Note that a consumer could not process an event, and begin the delay that it asks for."""
        hand_out, delay_s = rejection.hand_out, rejection.delay.ToNanoseconds() / 1e9
        position = self._position_of(hand_out)
        if position is None:
            session.confirm(hand_out, Outcome.STALE)
            return
        flight = session.consumer.find_flight(position, hand_out.attempt)
        reason = rejection.reason or "its consumer rejected it without a reason"
        answers = dispatch.reject(
            session.consumer, position, hand_out.attempt, reason, time_ns(), is_delayed=delay_s > 0
        )
        if flight is not None and delay_s > 0 and answers[0].outcome == Outcome.REJECTED:
            self._delays.begin(flight.queue.order_id, delay_s)
        self._confirm(session, answers)

    def expire(self, dispatch: Dispatch, session: Session, flight: Flight) -> None:
        """Take an event back from a consumer that did not answer in time. It gets no other before it says something."""
        session.is_silent = True
        self.counts[EXPIRED] += 1
        reason = "its consumer did not answer in time"
        answers = dispatch.reject(session.consumer, flight.position, flight.attempt, reason, time_ns())
        self._confirm(session, answers[1:])

    def name_hand_out(self, position: int, attempt: int) -> HandOutMessage:
        """Return the name of a hand-out, which a consumer answers with."""
        delivery_id = self._delivery_ids.write(position)
        return HandOutMessage(delivery_id=delivery_id, epoch=self._state.claim.epoch, attempt=attempt)

    def _position_of(self, hand_out: HandOutMessage) -> int | None:
        if hand_out.epoch != self._state.claim.epoch:
            return None
        return self._delivery_ids.read(hand_out.delivery_id)

    def _confirm(self, session: Session, answers: Iterable[Answered]) -> None:
        for position, attempt, outcome in answers:
            self.counts[outcome.value] += 1
            message = self.name_hand_out(position, attempt)
            if outcome == Outcome.STALE:
                session.confirm(message, outcome)
            else:
                self._buffer.add_effect(partial(session.confirm, message, outcome))
