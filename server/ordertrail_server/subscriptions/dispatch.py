"""Which events a subscription hands out to whom. Pure: no I/O, and time is an argument."""

from collections.abc import Iterable, Sequence

from ordertrail_server.log.position import LogPosition
from ordertrail_server.subscriptions.changes import Cause, Done, Forgiven, Saved
from ordertrail_server.subscriptions.hand_outs import Answered, HandOut, Outcome
from ordertrail_server.subscriptions.order_queue import Consumer, Flight, LoadedEvent, OrderQueue
from ordertrail_server.subscriptions.order_queues import NO_ORDER, OrderQueues
from ordertrail_server.subscriptions.reads import ReadEvent, Reload, Reloaded

MAX_ORDERS_AHEAD = 10_000
"""The most orders with done events behind the saved position. If there are more, it stops to wait for the first one."""


class Dispatch(OrderQueues):
    """The queues and consumers of one subscription. Each method leaves what must be stored in `changes`.

    What a hand-out or an answer led to may be sent only when these changes are durable.
    """

    # Reading

    @property
    def has_ready(self) -> bool:
        """True if an order without a consumer has a loaded event."""
        return bool(self._ready)

    @property
    def in_flight_count(self) -> int:
        """The number of hand-outs that are not answered."""
        return len(self._flights)

    def reloads(self, limit: int) -> list[Reload]:
        """Return the orders whose events must be read again."""
        queues = [queue for queue, _ in zip(self._reloads.values(), range(limit), strict=False)]
        return [Reload(queue.order_id, queue.unloaded) for queue in queues if queue.unloaded is not None]

    def unreadable(self, limit: int) -> list[Reload]:
        """Return orders whose facts could not be read, to try again."""
        requests: list[Reload] = []
        for order_id in self.state.backlog_ids:
            backlog = self.state.orders[order_id].backlog
            if backlog is not None and backlog.cause == Cause.UNREADABLE and len(requests) < limit:
                requests.append(Reload(order_id, backlog.position))
        return requests

    def add_reloaded(self, reloaded: Reloaded, now: int) -> None:
        """Add the events of an order that were read again. They are ignored if the order has changed meanwhile."""
        (order_id, position), events, remainder, unreadable = reloaded
        queue = self._queues.get(order_id)
        if queue is None:
            self._free_unreadable(reloaded, now)
            return
        if queue.unloaded != position or queue.pending or queue.flights:
            return
        if not events and unreadable:
            self._set_backlog(order_id, Cause.UNREADABLE, position if remainder is None else remainder, unreadable, now)
            self._remove(queue)
            return
        queue.unloaded = remainder
        self._append(queue, events)
        self._settle(queue, now)

    def add_events(self, events: Iterable[ReadEvent], reached: Sequence[int], now: int) -> None:
        """Add events from the cursor on, and move it to the offsets that were reached."""
        touched: dict[str, OrderQueue] = {}
        for position, order_id, frame in events:
            if self._is_new(order_id, position):
                queue = touched[order_id] = self._queue_of(order_id)
                if queue.unloaded is None:
                    self._append(queue, (LoadedEvent(position, frame),))
        self.cursor = list(reached)
        for queue in touched.values():
            self._settle(queue, now)

    def add_unreadable(self, order_id: str, position: int, reason: str, now: int) -> None:
        """Note that the projection cannot read an order's facts from a position on."""
        order = self.state.orders.get(order_id, NO_ORDER)
        queue = self._queues.get(order_id)
        if queue is not None:
            if queue.unloaded is None:
                queue.unloaded = position
                self._settle(queue, now)
        elif order.backlog is None:
            self._set_backlog(order_id, Cause.UNREADABLE, position, reason, now)

    def evict(self) -> None:
        """Forget the loaded events of orders that cannot be handed out now. They are read again later."""
        for queue in self._queues.values():
            if queue.holder is not None or queue.is_delayed:
                self._unload(queue)

    def unload(self) -> None:
        """Forget all loaded events, because there is no consumer. They are read again later."""
        for queue in self._queues.values():
            self._unload(queue)
            self._offer(queue)

    def _unload(self, queue: OrderQueue) -> None:
        if queue.pending:
            queue.unloaded = queue.pending[0].position
            self._drop_pending(queue)

    # Consumers

    def disconnect(self, consumer: Consumer, now: int, *, is_orderly: bool = False) -> None:
        """Take back all that is in flight to a consumer. If it has ended in order, its hand-outs count no attempts."""
        queues = {flight.queue.order_id: flight.queue for flight in consumer.flights.values()}
        for queue in queues.values():
            if is_orderly:
                self._forgive(queue.flights[0])
            self._take_back(queue, queue.flights[0])
            self._settle(queue, now)

    def hand_out(self, consumer: Consumer, max_events: int, max_bytes: int, now: int) -> list[HandOut]:
        """Hand out events to a consumer, as far as its credits allow."""
        hand_outs: list[HandOut] = []
        room = max_bytes
        while len(hand_outs) < max_events and consumer.free_events > 0 and room > 0:
            queue = self._next_queue(consumer)
            if queue is None:
                break
            event = self._next_event(queue)
            if event is None:
                continue
            size = len(event.frame)
            if size > consumer.free_bytes and consumer.flights:
                self._put_back(queue)
                break
            hand_outs.append(self._hand_out(queue, consumer, event))
            room -= size
            self._settle(queue, now)
        return hand_outs

    def acknowledge(self, consumer: Consumer, position: int, attempt: int, now: int) -> list[Answered]:
        """Note that an event is processed; return the answers that are settled by that.

        An event is done once all events of its order before it are, so the outcome of an answer can come later.
        """
        flight = consumer.find_flight(position, attempt)
        if flight is None:
            return [Answered(position, attempt, Outcome.STALE)]
        flight.is_acknowledged = True
        queue, answered = flight.queue, []
        while queue.flights and queue.flights[0].is_acknowledged:
            done = queue.flights.popleft()
            self._land(done)
            answered.append(Answered(done.position, done.attempt, Outcome.ACKNOWLEDGED))
        if answered:
            self._change(Done(queue.order_id, answered[-1].position))
            self._settle(queue, now)
        return answered

    def reject(
        self, consumer: Consumer, position: int, attempt: int, reason: str, now: int, *, is_delayed: bool = False
    ) -> list[Answered]:
        """Note that an event could not be processed; return the answers that are settled by that.

        With `is_delayed` the order waits until `resume`.
        """
        flight = consumer.find_flight(position, attempt)
        if flight is None:
            return [Answered(position, attempt, Outcome.STALE)]
        queue = flight.queue
        queue.reason, queue.is_delayed = reason, is_delayed or queue.is_delayed
        stale = [Answered(f.position, f.attempt, Outcome.STALE) for f in self._take_back(queue, flight)]
        self._settle(queue, now)
        outcome = Outcome.PARKED if queue.is_removed else Outcome.REJECTED
        return [Answered(position, attempt, outcome), *stale]

    def resume(self, order_id: str, now: int) -> None:
        """End the delay of an order."""
        queue = self._queues.get(order_id)
        if queue is not None and queue.is_delayed:
            queue.is_delayed = False
            self._settle(queue, now)

    def expired(self, time: float, limit: int) -> list[Flight]:
        """Return the first hand-outs whose deadline is over, oldest first."""
        flights: list[Flight] = []
        for flight in self._flights.values():
            if flight.deadline > time or len(flights) == limit:
                break
            flights.append(flight)
        return flights

    # Operators

    def replay(self, order_id: str, now: int) -> bool:
        """Hand out a parked order again. Return False if it is not parked."""
        backlog = self.state.orders.get(order_id, NO_ORDER).backlog
        if backlog is None or not backlog.is_waiting:
            return False
        attempts = self.state.orders[order_id].attempts.get(backlog.position, 0)
        self._change(Forgiven(order_id, backlog.position, attempts))
        self._set_backlog(order_id, Cause.REPLAYING, backlog.position, backlog.reason, now)
        self._resume_backlog(order_id, backlog.position)
        return True

    def skip(self, order_id: str, position: int, now: int) -> bool:
        """Count the first event of a parked order as done, and hand out those after it.

        Return False if the order is not parked there.
        """
        backlog = self.state.orders.get(order_id, NO_ORDER).backlog
        if backlog is None or backlog.cause != Cause.PARKED or backlog.position != position:
            return False
        self._change(Done(order_id, position))
        self._set_backlog(order_id, Cause.REPLAYING, position + 1, backlog.reason, now)
        self._resume_backlog(order_id, position + 1)
        return True

    # The saved position

    def save_position(self, now: int) -> None:
        """Move the saved position up to the first event for which it must wait."""
        while len(self.state.orders) - len(self.state.backlog_ids) > MAX_ORDERS_AHEAD and self._release_lowest(now):
            self._save()
        self._save()

    def _save(self) -> None:
        for partition, cursor in enumerate(self.cursor):
            queue = self._watermark.lowest(partition)
            offset = cursor if queue is None or queue.lowest is None else LogPosition.unpack(queue.lowest).offset
            if offset > self.state.saved[partition]:
                self._change(Saved(partition, offset))

    def _release_lowest(self, now: int) -> bool:
        queues = filter(None, map(self._watermark.lowest, range(len(self.cursor))))
        queue = min(queues, key=lambda queue: queue.lowest or 0, default=None)
        if queue is None or queue.lowest is None or not self.can_read:
            return False
        self._set_backlog(queue.order_id, Cause.LAGGING, queue.lowest, queue.reason, now)
        self._watermark.forget(queue)
        return True

    def _free_unreadable(self, reloaded: Reloaded, now: int) -> None:
        (order_id, position), _, _, unreadable = reloaded
        backlog = self.state.orders.get(order_id, NO_ORDER).backlog
        if backlog is None or backlog.cause != Cause.UNREADABLE or backlog.position != position:
            return
        if reloaded.events or not unreadable:
            self._set_backlog(order_id, Cause.REPLAYING, position, backlog.reason, now)
            self._resume_backlog(order_id, position)
            self.add_reloaded(reloaded, now)
