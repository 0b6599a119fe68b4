"""One subscription in a server: its state, its consumers, and the loop between them."""

import logging
from asyncio import Event, Task, create_task, get_running_loop, sleep
from collections.abc import Callable, Iterable, Mapping
from time import time_ns

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_INTERNAL
from ordertrail.v1.subscription_service_pb2 import ConsumeRequest
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.subscriptions.changes import Change
from ordertrail_server.subscriptions.commit_buffer import CommitBuffer
from ordertrail_server.subscriptions.committer import Commit, Committer, Effect
from ordertrail_server.subscriptions.consumer_answers import ConsumerAnswers
from ordertrail_server.subscriptions.definition import refuse_stopped
from ordertrail_server.subscriptions.delays import Delays
from ordertrail_server.subscriptions.delivery_id import DeliveryIds
from ordertrail_server.subscriptions.dispatch import Dispatch
from ordertrail_server.subscriptions.event_source import EventSource
from ordertrail_server.subscriptions.feed import Feed
from ordertrail_server.subscriptions.hand_outs import HandOut
from ordertrail_server.subscriptions.session import RESPONSE_BYTES, Session
from ordertrail_server.subscriptions.state import SubscriptionState

_log = logging.getLogger(__name__)

HAND_OUTS = 200
"""The most events that one step hands out, or takes back, before other calls have their turn."""

IDLE_RECORDS = 10_000
"""The saved position follows the cursor of a subscription without matching events after this many records."""


class RunningSubscription:
    """For one event loop. `owner` is the id of the server process. `pending_bytes`: see Feed."""

    def __init__(
        self,
        state: SubscriptionState,
        owner: str,
        committer: Committer,
        source: EventSource,
        pending_bytes: Callable[[], int],
        change_count: int = 0,
    ) -> None:
        assert state.definition is not None
        self.state, self.definition = state, state.definition
        self.delivery_ids = DeliveryIds(self.definition.uid, self.definition.log_id, source.model.lineage)
        self.sessions: dict[Session, None] = {}
        self._committer, self._source, self._pending_bytes = committer, source, pending_bytes
        self._dispatch: Dispatch | None = None
        self._feed: Feed | None = None
        self._buffer = CommitBuffer(state, owner, change_count)
        self._delays = Delays(self._resume)
        self._answers = ConsumerAnswers(state, self.delivery_ids, self._buffer, self._delays)
        self._tasks: list[Task[None]] = []

    @property
    def uid(self) -> str:
        """The id of the subscription."""
        return self.definition.uid

    @property
    def answer_counts(self) -> Mapping[str, int]:
        """The number of answers by outcome since the start, and of hand-outs that were not answered in time."""
        return self._answers.counts

    @property
    def in_flight_count(self) -> int:
        """The number of hand-outs that are not answered."""
        return self._dispatch.in_flight_count if self._dispatch else 0

    @property
    def parked_count(self) -> int:
        """The number of orders with a backlog that waits."""
        backlogs = (self.state.orders[order_id].backlog for order_id in self.state.backlog_ids)
        return sum(backlog is not None and backlog.is_waiting for backlog in backlogs)

    def connect(self) -> Session:
        """Connect a consumer. Raises Refused if the subscription has stopped."""
        refuse_stopped(self.definition, self.state.stop_reason)
        self._start()
        session = Session()
        self.sessions[session] = None
        if not self._tasks:
            assert self._feed is not None
            self._tasks = [create_task(self._guard_feed(self._feed)), create_task(self._expire_regularly())]
        return session

    def disconnect(self, session: Session, *, is_orderly: bool = False) -> None:
        """Disconnect a consumer: what is in flight to it is handed out to others, and its call ends.

        If it has ended its requests in order, what it leaves counts no attempts.
        """
        if session not in self.sessions:
            return
        del self.sessions[session]
        self._running.disconnect(session.consumer, time_ns(), is_orderly=is_orderly)
        if not self.sessions:
            self._cancel_tasks()
            self._running.unload()
        self._after_change(session.end)

    def answer(self, session: Session, request: ConsumeRequest) -> None:
        """Note the credits and answers of a consumer. Raises Refused if it has more credits than it may have."""
        dispatch, session.is_silent = self._running, False
        session.grant(request.credits)
        dispatch.add_credits(session.consumer, request.credits.events, request.credits.bytes)
        for hand_out in request.acknowledgements:
            self._answers.acknowledge(dispatch, session, hand_out)
        for rejection in request.rejections:
            self._answers.reject(dispatch, session, rejection)
        self._after_change()

    def change(self, changes: Iterable[Change], effect: Effect) -> None:
        """Apply changes that an operator made, and run the effect once they are durable."""
        self._buffer.claim()
        for change in changes:
            self.state.apply(change)
            self._buffer.add([change])
        self._after_change(effect)

    async def store(self, changes: Iterable[Change]) -> None:
        """Apply changes, and return once they are durable."""
        stored = Event()
        self.change(changes, stored.set)
        await stored.wait()

    def replay(self, order_id: str, effect: Effect) -> bool:
        """Hand out a parked order again. Return False if it is not parked."""
        self._start()
        return self._operate(self._running.replay(order_id, time_ns()), effect)

    def skip(self, order_id: str, position: int, effect: Effect) -> bool:
        """Skip the first event of a parked order. Return False if it is not parked there."""
        self._start()
        return self._operate(self._running.skip(order_id, position, time_ns()), effect)

    def save_position(self) -> None:
        """Move the saved position as far as it goes."""
        if self._dispatch is not None:
            self._dispatch.save_position(time_ns())
            if self._dispatch.changes:
                self._committer.note_change(self)

    def request_snapshot(self) -> None:
        """Have all stored records of the subscription replaced by a snapshot."""
        self._buffer.request_snapshot()
        self._committer.note_change(self)

    def take_commit(self) -> Commit:
        """Return what must be appended, and done after that."""
        if self._dispatch is not None:
            self._dispatch.save_position(time_ns())
            self._buffer.add(self._dispatch.changes)
            self._dispatch.changes.clear()
        return self._buffer.take()

    def end(self, error: Exception) -> None:
        """End the calls of all consumers."""
        for session in list(self.sessions):
            session.end(error)
            self.disconnect(session)

    def end_delays(self) -> None:
        """Let no order wait any more that was rejected with a delay."""
        for order_id in self._delays.take_all():
            self._running.resume(order_id, time_ns())
        self._after_change()

    def close(self) -> None:
        """Stop to read, and forget delays."""
        self._cancel_tasks()
        self._delays.close()

    @property
    def _running(self) -> Dispatch:
        assert self._dispatch is not None
        return self._dispatch

    def _start(self) -> None:
        self._buffer.claim()
        if self._dispatch is None:
            self._dispatch = Dispatch(self.state)
            self._feed = Feed(self._source, self.definition.filter, self._dispatch, self._pending_bytes, time_ns)

    def _operate(self, is_done: bool, effect: Effect) -> bool:
        self._after_change(effect if is_done else None)
        return is_done

    def _after_change(self, effect: Effect | None = None) -> None:
        if effect is not None:
            self._buffer.add_effect(effect)
        if self._dispatch is not None:
            self._hand_out()
        is_changed = self._dispatch is not None and (self._dispatch.changes or self._is_far_behind())
        if is_changed or not self._buffer.is_empty:
            self._committer.note_change(self)
        if self._feed is not None:
            self._feed.note_room()

    def _is_far_behind(self) -> bool:
        return sum(self._running.cursor) - sum(self.state.saved) >= IDLE_RECORDS and not self._running.in_flight_count

    def _hand_out(self) -> None:
        is_cut = False
        for session in list(self.sessions):
            room = RESPONSE_BYTES - session.unsent_bytes
            if room > 0 and not session.is_silent:
                hand_outs = self._running.hand_out(session.consumer, HAND_OUTS, room, time_ns())
                if hand_outs:
                    self._deliver_later(session, hand_outs)
                    is_cut = is_cut or len(hand_outs) == HAND_OUTS
                    self.sessions[session] = self.sessions.pop(session)  # the next time the others come first
        if is_cut:
            self._buffer.add_effect(self._after_change)

    def _deliver_later(self, session: Session, hand_outs: list[HandOut]) -> None:
        for hand_out in hand_outs:
            session.reserve(hand_out)

        def deliver() -> None:
            deadline = get_running_loop().time() + self.state.limits.acknowledge_s
            for hand_out in hand_outs:
                session.release(hand_out)
                flight = session.consumer.find_flight(hand_out.position, hand_out.attempt)
                if flight is not None:
                    flight.deadline = deadline
                    session.deliver(hand_out, self._answers.name_hand_out(hand_out.position, hand_out.attempt))

        self._buffer.add_effect(deliver)

    def note_sent(self) -> None:
        """Hand out more to a consumer that has read a response."""
        self._after_change()

    def _resume(self, order_id: str) -> None:
        self._running.resume(order_id, time_ns())
        self._after_change()

    async def _guard_feed(self, feed: Feed) -> None:
        try:
            await feed.run(self._after_change)
        except Exception:
            _log.exception("subscription %s cannot read events", self.definition.name)
            text = "The server cannot read the events of this subscription; report it to the operator."
            get_running_loop().call_soon(self.end, Refused(Refusal(ERROR_REASON_INTERNAL, text)))

    async def _expire_regularly(self) -> None:
        loop = get_running_loop()
        while True:
            flights = self._running.expired(loop.time(), HAND_OUTS)
            for flight in flights:
                session = next((session for session in self.sessions if session.consumer is flight.consumer), None)
                if session is not None:
                    self._answers.expire(self._running, session, flight)
            if flights:
                self._after_change()
            await sleep(0 if len(flights) == HAND_OUTS else min(1.0, self.state.limits.acknowledge_s / 4))

    def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []
