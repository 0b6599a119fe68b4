"""The queues of a subscription: what is handed out next, what follows from a change, and what must be stored. Pure.

The rules: an order has one consumer at a time. Its events are handed out and done in order. After a rejection nothing
behind the event counts that was handed out, and the event is handed out alone of its order.
"""

from collections import deque
from collections.abc import Sequence

from ordertrail_server.subscriptions.changes import BacklogSet, CaughtUp, Cause, Change, Forgiven, HandedOut
from ordertrail_server.subscriptions.hand_outs import HandOut
from ordertrail_server.subscriptions.order_queue import Consumer, Flight, LoadedEvent, OrderQueue
from ordertrail_server.subscriptions.state import OrderState, SubscriptionState
from ordertrail_server.subscriptions.watermark import Watermark

MAX_BACKLOGS = 10_000
"""The most orders with a backlog. While there are more, no order is parked, and no new events are read."""

NO_ORDER = OrderState()


class OrderQueues:
    """Each change of the state is applied to it and added to `changes`, which must be stored."""

    def __init__(self, state: SubscriptionState) -> None:
        self.state = state
        self.cursor = list(state.saved)
        self.changes: list[Change] = []
        self.pending_count = self.pending_bytes = 0
        self._queues: dict[str, OrderQueue] = {}
        self._flights: dict[int, Flight] = {}
        self._ready: deque[OrderQueue] = deque()
        self._reloads: dict[str, OrderQueue] = {}
        self._watermark = Watermark(len(self.cursor))
        for order_id in state.backlog_ids:
            backlog = state.orders[order_id].backlog
            if backlog is not None and not backlog.is_waiting:
                self._resume_backlog(order_id, backlog.position)

    @property
    def can_read(self) -> bool:
        """True unless the subscription has as many backlogs, or as large bodies of a webhook, as it may have."""
        webhook = self.state.webhook
        return len(self.state.backlog_ids) < MAX_BACKLOGS and (webhook is None or webhook.has_room)

    def add_credits(self, consumer: Consumer, events: int, size: int) -> None:
        """Let more be in flight to a consumer."""
        consumer.free_events += events
        consumer.free_bytes += size

    def _settle(self, queue: OrderQueue, now: int) -> None:
        """Do what follows from a change of a queue."""
        if not queue.flights:
            queue.holder = None
        head = queue.head
        if head is None:
            self._remove(queue)
            if self.state.orders.get(queue.order_id, NO_ORDER).backlog is not None:
                self._change(CaughtUp(queue.order_id))
            return
        if not queue.flights and self._is_exhausted(queue.order_id, head):
            reason = queue.reason or "its consumers did not answer"
            self._set_backlog(queue.order_id, Cause.PARKED, head, reason, now)
            self._remove(queue)
            return
        if self.state.orders.get(queue.order_id, NO_ORDER).backlog is None:
            self._watermark.track(queue)
        self._offer(queue)

    def _offer(self, queue: OrderQueue) -> None:
        if queue.is_delayed:
            return
        if queue.pending:
            target = self._ready if queue.holder is None else queue.holder.queues
            if queue.offered_to is not target:
                queue.offered_to = target
                target.append(queue)
        elif queue.unloaded is not None and not queue.flights:
            self._reloads[queue.order_id] = queue

    def _next_queue(self, consumer: Consumer) -> OrderQueue | None:
        for queues in (consumer.queues, self._ready):
            while queues:
                queue = queues.popleft()
                if queue.offered_to is queues:  # otherwise it was offered to others since
                    queue.offered_to = None
                    if queue.pending and not queue.is_delayed:
                        return queue
        return None

    def _put_back(self, queue: OrderQueue) -> None:
        queue.offered_to = self._ready if queue.holder is None else queue.holder.queues
        queue.offered_to.appendleft(queue)

    def _next_event(self, queue: OrderQueue) -> LoadedEvent | None:
        """Return the event to hand out, None if it must wait for those in flight."""
        event = queue.pending[0]
        attempts = self.state.orders.get(queue.order_id, NO_ORDER).attempts
        last = queue.flights[-1] if queue.flights else None
        if last is not None and (event.position in attempts or last.attempt > 1 or last.consumer.takes_one_event):
            return None
        return event

    def _hand_out(self, queue: OrderQueue, consumer: Consumer, event: LoadedEvent) -> HandOut:
        queue.pending.popleft()
        size = len(event.frame)
        self.pending_count, self.pending_bytes = self.pending_count - 1, self.pending_bytes - size
        attempt = self.state.orders.get(queue.order_id, NO_ORDER).attempts.get(event.position, 0) + 1
        flight = Flight(queue, event.position, attempt, size, consumer)
        queue.flights.append(flight)
        queue.holder = consumer
        self._flights[event.position] = consumer.flights[event.position] = flight
        self.add_credits(consumer, -1, -size)
        self._change(HandedOut(queue.order_id, event.position, attempt))
        return HandOut(event.position, attempt, event.frame)

    def _land(self, flight: Flight) -> None:
        """Return the credits of a hand-out, whose event leaves its consumer."""
        del self._flights[flight.position], flight.consumer.flights[flight.position]
        self.add_credits(flight.consumer, 1, flight.size)

    def _take_back(self, queue: OrderQueue, first: Flight) -> list[Flight]:
        """Take back a hand-out and those behind it. Return those of them that were acknowledged in vain.

        Those behind it do not count as attempts, because their events are not the cause.
        """
        acknowledged = []
        while True:
            flight = queue.flights.pop()
            self._land(flight)
            if flight is first:
                break
            self._forgive(flight)
            if flight.is_acknowledged:
                acknowledged.append(flight)
        self._drop_pending(queue)
        queue.unloaded = first.position
        return acknowledged

    def _forgive(self, flight: Flight) -> None:
        order_id, position = flight.queue.order_id, flight.position
        count = self.state.orders[order_id].forgiven.get(position, 0)
        self._change(Forgiven(order_id, position, count + 1))

    def _is_new(self, order_id: str, position: int) -> bool:
        order = self.state.orders.get(order_id)
        if order is None:
            return True
        return position > order.done and not (order.backlog is not None and order.backlog.is_waiting)

    def _is_exhausted(self, order_id: str, head: int) -> bool:
        counted = self.state.orders.get(order_id, NO_ORDER).counted_attempts(head)
        return counted >= self.state.limits.max_attempts and self.can_read

    def _queue_of(self, order_id: str) -> OrderQueue:
        if order_id not in self._queues:
            self._queues[order_id] = OrderQueue(order_id)
        return self._queues[order_id]

    def _append(self, queue: OrderQueue, events: Sequence[LoadedEvent]) -> None:
        queue.pending.extend(events)
        self.pending_count += len(events)
        self.pending_bytes += sum(len(event.frame) for event in events)
        self._reloads.pop(queue.order_id, None)

    def _drop_pending(self, queue: OrderQueue) -> None:
        self.pending_count -= len(queue.pending)
        self.pending_bytes -= sum(len(event.frame) for event in queue.pending)
        queue.pending.clear()

    def _remove(self, queue: OrderQueue) -> None:
        self._drop_pending(queue)
        self._watermark.forget(queue)
        self._reloads.pop(queue.order_id, None)
        self._queues.pop(queue.order_id, None)
        queue.is_removed = True

    def _resume_backlog(self, order_id: str, position: int) -> None:
        queue = self._queue_of(order_id)
        queue.unloaded = position
        self._offer(queue)

    def _set_backlog(self, order_id: str, cause: Cause, position: int, reason: str, now: int) -> None:
        self._change(BacklogSet(order_id, cause, position, reason, now))

    def _change(self, change: Change) -> None:
        self.state.apply(change)
        self.changes.append(change)
