"""A subscription without a server: a log of events, the stored records, and consumers that come and go.

It checks the promises with every hand-out and every confirmation, from what consumers get alone.
"""

from dataclasses import dataclass, field

from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.subscriptions.changes import Cause, Claimed, Created, LimitsChanged
from ordertrail_server.subscriptions.definition import Definition
from ordertrail_server.subscriptions.dispatch import Dispatch
from ordertrail_server.subscriptions.hand_outs import Answered, HandOut, Outcome
from ordertrail_server.subscriptions.order_queue import Consumer, LoadedEvent
from ordertrail_server.subscriptions.reads import ReadEvent, Reload, Reloaded
from ordertrail_server.subscriptions.state import SubscriptionState
from ordertrail_server.subscriptions.state_record import UNCLAIMED, Claim, StateRecord

UID = "subscription-1"
FRAME = b"12345678"


@dataclass(eq=False)
class ConsumerModel:
    """What a consumer knows: its credits, and the hand-outs that it can answer."""

    consumer: Consumer = field(default_factory=Consumer)
    granted: int = 0
    hand_outs: list[HandOut] = field(default_factory=list)


class SubscriptionWorld:
    def __init__(self, max_attempts: int = 3) -> None:
        definition = Definition(UID, "mail", EventFilter(EVERYTHING), "beginning", 0, b"log")
        created = (Created(definition.to_json(), [0]), LimitsChanged(max_attempts, 60.0))
        self.records = [StateRecord(UID, UNCLAIMED, created)]
        self.log: list[str] = []
        self.unreadable: dict[str, int] = {}
        self.consumers: list[ConsumerModel] = []
        self.confirmed: set[int] = set()
        self.skipped: set[int] = set()
        self.attempts: dict[int, int] = {}
        self.time = 0
        self.restart()

    def restart(self) -> None:
        """Crash, and start with what is stored."""
        self.state = SubscriptionState()
        for record in self.records:
            assert self.state.fold(StateRecord.from_text(record.uid, record.to_text()))
        claim = Claim(self.state.claim.epoch + 1, f"server {self.state.claim.epoch + 1}")
        self._store(StateRecord(UID, claim, (Claimed(),)))
        assert self.state.fold(self.records[-1])
        self.dispatch = Dispatch(self.state)
        self.consumers = []
        self._undelivered: list[tuple[ConsumerModel, list[HandOut]]] = []
        self._unconfirmed: list[Answered] = []

    def compact(self) -> None:
        """Replace the stored records by a snapshot."""
        self.commit()
        self.records = [StateRecord(UID, self.state.claim, tuple(self.state.to_changes()))]

    def append(self, order_id: str) -> None:
        self.log.append(order_id)

    def read(self, limit: int) -> None:
        """Read events from the cursor on, and the orders that must be read again."""
        self.time += 1
        for request in self.dispatch.reloads(limit):
            self.dispatch.add_reloaded(self._reload(request), self.time)
        begin = self.dispatch.cursor[0]
        end = min(len(self.log), begin + limit)
        hidden = [order for order in self.log[begin:end] if self._is_unreadable(order, end - 1)]
        events = [ReadEvent(at, self.log[at], FRAME) for at in range(begin, end) if self._is_readable(at)]
        self.dispatch.add_events(events, [end], self.time)
        for order_id in dict.fromkeys(hidden):
            self.dispatch.add_unreadable(order_id, self.unreadable[order_id], "unknown event", self.time)

    def retry_unreadable(self) -> None:
        for request in self.dispatch.unreadable(10):
            self.dispatch.add_reloaded(self._reload(request), self.time)

    def connect(self, credits: int) -> ConsumerModel:
        model = ConsumerModel(granted=credits)
        self.dispatch.add_credits(model.consumer, credits, credits * len(FRAME))
        self.consumers.append(model)
        return model

    def disconnect(self, model: ConsumerModel, is_orderly: bool = False) -> None:
        self.consumers.remove(model)
        self._undelivered = [entry for entry in self._undelivered if entry[0] is not model]
        self.dispatch.disconnect(model.consumer, self.time, is_orderly=is_orderly)
        assert model.consumer.free_events == model.granted
        assert model.consumer.free_bytes == model.granted * len(FRAME)

    def hand_out(self, model: ConsumerModel, limit: int) -> None:
        hand_outs = self.dispatch.hand_out(model.consumer, limit, limit * len(FRAME), self.time)
        self._undelivered.append((model, hand_outs))
        assert model.consumer.free_events >= 0

    def commit(self) -> None:
        """Store all changes; then deliver and confirm."""
        self.dispatch.save_position(self.time)
        if self.dispatch.changes:
            self._store(StateRecord(UID, self.state.claim, tuple(self.dispatch.changes)))
            self.dispatch.changes.clear()
        for answered in self._unconfirmed:
            if answered.outcome == Outcome.ACKNOWLEDGED:
                assert answered.position not in self.confirmed
                self.confirmed.add(answered.position)
        for model, hand_outs in self._undelivered:
            for hand_out in hand_outs:
                if model.consumer.find_flight(hand_out.position, hand_out.attempt) is None:
                    continue  # it no longer counts
                self._check_delivery(hand_out)
                model.hand_outs.append(hand_out)
        self._undelivered, self._unconfirmed = [], []
        self._check_saved()

    def acknowledge(self, model: ConsumerModel, hand_out: HandOut) -> None:
        answers = self.dispatch.acknowledge(model.consumer, hand_out.position, hand_out.attempt, self.time)
        self._unconfirmed.extend(answers)

    def reject(self, model: ConsumerModel, hand_out: HandOut, is_delayed: bool = False) -> None:
        self.dispatch.reject(
            model.consumer, hand_out.position, hand_out.attempt, "no", self.time, is_delayed=is_delayed
        )

    def resume_all(self) -> None:
        for order_id in set(self.log):
            self.dispatch.resume(order_id, self.time)

    def replay(self, order_id: str) -> bool:
        return self.dispatch.replay(order_id, self.time)

    def skip(self, order_id: str) -> bool:
        order = self.state.orders.get(order_id)
        if order is None or order.backlog is None or order.backlog.cause != Cause.PARKED:
            return False
        position = order.backlog.position
        assert self.dispatch.skip(order_id, position, self.time)
        self.skipped.add(position)
        self.commit()  # the operator gets an answer only then
        return True

    def parked(self) -> list[str]:
        backlogs = {order_id: self.state.orders[order_id].backlog for order_id in self.state.backlog_ids}
        return [order_id for order_id, backlog in backlogs.items() if backlog is not None and backlog.is_waiting]

    def drain(self) -> None:
        """Let one consumer acknowledge everything, until nothing is left."""
        self.unreadable.clear()
        self.resume_all()
        model = self.connect(100)
        for _ in range(10 + 4 * len(self.log)):
            self.retry_unreadable()
            for order_id in self.parked():
                self.replay(order_id)
            self.read(7)
            self.hand_out(model, 100)
            self.commit()
            hand_outs, model.hand_outs = model.hand_outs, []
            for hand_out in hand_outs:
                self.acknowledge(model, hand_out)
            self.commit()
            if self.confirmed | self.skipped == set(range(len(self.log))):
                break
        assert self.confirmed | self.skipped == set(range(len(self.log)))
        self.read(7)
        self.commit()
        assert self.state.saved == [len(self.log)]

    def check_counts(self) -> None:
        """The counts of loaded events are exact."""
        pending = [event for queue in self.dispatch._queues.values() for event in queue.pending]
        assert self.dispatch.pending_count == len(pending)
        assert self.dispatch.pending_bytes == sum(len(event.frame) for event in pending)

    def _store(self, record: StateRecord) -> None:
        self.records.append(record)

    def _reload(self, request: Reload) -> Reloaded:
        end = self.dispatch.cursor[0]
        positions = [at for at in range(request.position, end) if self.log[at] == request.order_id]
        readable = [at for at in positions if self._is_readable(at)]
        events = [LoadedEvent(at, FRAME) for at in readable[:2]]
        if len(readable) > 2:
            return Reloaded(request, events, readable[2])
        if self._is_unreadable(request.order_id, end - 1):
            return Reloaded(request, events, self.unreadable[request.order_id], "unknown event")
        return Reloaded(request, events, None)

    def _is_unreadable(self, order_id: str, last: int) -> bool:
        return self.unreadable.get(order_id, len(self.log)) <= last

    def _is_readable(self, position: int) -> bool:
        return not self._is_unreadable(self.log[position], position)

    def _check_delivery(self, hand_out: HandOut) -> None:
        """At least once, in order, and never again once it was confirmed."""
        position = hand_out.position
        assert position not in self.confirmed | self.skipped
        assert hand_out.attempt > self.attempts.get(position, 0)
        self.attempts[position] = hand_out.attempt
        earlier = {at for at in range(position) if self.log[at] == self.log[position]}
        undone = earlier - self.confirmed - self.skipped
        holders = [m for m in self.consumers if undone & m.consumer.flights.keys()]
        assert len(holders) <= 1
        assert all(undone <= m.consumer.flights.keys() for m in holders)
        assert not undone or holders
        # An event that was handed out before is handed out alone of its order.
        assert not undone or (hand_out.attempt == 1 and all(self.attempts[at] == 1 for at in undone))

    def _check_saved(self) -> None:
        """The saved position waits for each event that is not done, except those of backlogs."""
        for position in range(self.state.saved[0]):
            order = self.state.orders.get(self.log[position])
            backlog = None if order is None else order.backlog
            is_in_backlog = backlog is not None and position >= backlog.position
            assert position in self.confirmed | self.skipped or is_in_backlog
        for model in self.consumers:
            assert model.consumer.free_events + len(model.consumer.flights) == model.granted
