"""All subscriptions of a server: their names, their creation and removal, and their consumers."""

from asyncio import Future, get_running_loop, sleep
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from time import time_ns
from typing import NamedTuple

from ordertrail.v1.error_reason_pb2 import (
    ERROR_REASON_DELIVERY_NOT_PARKED,
    ERROR_REASON_INVALID_REQUEST,
    ERROR_REASON_SUBSCRIPTION_EXISTS,
    ERROR_REASON_SUBSCRIPTION_HAS_WEBHOOK,
    ERROR_REASON_SUBSCRIPTION_NOT_FOUND,
    ERROR_REASON_TOO_MANY_SUBSCRIPTIONS,
)
from ordertrail.v1.subscription_service_pb2 import ConsumeRequest
from ordertrail_server.access.scope import Scope
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.port import Log, LogUnavailable
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.subscriptions.changes import Created, Deleted, LimitsChanged, Stopped, weigh
from ordertrail_server.subscriptions.committer import Commit, Committer, Effect
from ordertrail_server.subscriptions.conversation import converse
from ordertrail_server.subscriptions.definition import Definition, Limits
from ordertrail_server.subscriptions.event_source import EventSource
from ordertrail_server.subscriptions.running_subscription import RunningSubscription
from ordertrail_server.subscriptions.state import Backlog, SubscriptionState
from ordertrail_server.subscriptions.state_log import StateLog
from ordertrail_server.subscriptions.state_record import UNCLAIMED, StateRecord
from ordertrail_server.subscriptions.webhook_changes import WebhookChange
from ordertrail_server.subscriptions.witnesses import find_loss, find_witnesses

MAX_SUBSCRIPTIONS = 1_000
MAX_CONSUMERS = 256
"""The most consumers of a server."""

WITNESS_SECONDS = 5.0

PENDING_BYTES, PENDING_BYTES_OF_ONE = 64 << 20, 4 << 20
"""The bytes of events that may wait in memory, of all subscriptions with consumers together and of one."""


class ParkedOrder(NamedTuple):
    """An order with a backlog that waits, and the hand-outs of its first event."""

    order_id: str
    backlog: Backlog
    attempts: int


class Subscriptions:
    """For one event loop. `new_id` returns a new unique id. Methods raise Refused.

    Call `start` first, and keep `committer.run` running.
    """

    def __init__(self, state_log: StateLog, log: Log, source: EventSource, new_id: Callable[[], str]) -> None:
        self._state_log, self._log, self._source, self._new_id = state_log, log, source, new_id
        self._owner = new_id()
        self._running: dict[str, RunningSubscription] = {}
        self.committer = Committer(state_log, self._request_snapshot)

    async def start(self) -> None:
        """Read the subscriptions. Stops those from whose position the log does not continue. Raises StateDamaged."""
        for state, change_count in _fold(await self._state_log.read()):
            running = self._add(state, change_count)
            reason = await find_loss(self._log, state)
            if reason and not state.stop_reason:
                running.change([Stopped(reason)], _nothing)

    async def create(
        self,
        name: str,
        event_filter: EventFilter,
        limits: Limits,
        start: str,
        begin: Offsets,
        webhook: Sequence[WebhookChange] = (),
    ) -> None:
        """Create a subscription that begins at the offsets `begin`; `start` is what the caller wrote.

        Does nothing if an equal one exists. `webhook` are the changes that create its webhook, if it has one: a
        WebhookSet, then others.
        """
        existing = self._running.get(name)
        if existing is not None:
            state, definition = existing.state, existing.definition
            config = None if state.webhook is None else state.webhook.config
            if (definition.filter, state.limits, definition.start) != (event_filter, limits, start) or config != (
                webhook[0] if webhook else None
            ):
                message = f"Subscription {name} exists, with another filter, start or webhook, or other limits."
                raise Refused(Refusal(ERROR_REASON_SUBSCRIPTION_EXISTS, message))
            return
        if len(self._running) >= MAX_SUBSCRIPTIONS:
            raise _too_many(f"The server has {MAX_SUBSCRIPTIONS:,} subscriptions, as many as it may have.")
        definition = Definition(self._new_id(), name, event_filter, start, time_ns(), self._log.identity)
        changes = (Created(definition.to_json(), list(begin)), LimitsChanged(*limits), *webhook)
        state = SubscriptionState()
        record = StateRecord(definition.uid, UNCLAIMED, changes)
        state.fold(record)
        self._add(state, weigh(changes))
        await self._await_effect(lambda effect: self.committer.note_change(_NewSubscription(record, effect)))

    def get(self, name: str, scope: Scope) -> RunningSubscription:
        """Return a subscription all of whose events are in the scope. For others it does not exist."""
        running = self._running.get(name)
        if running is None or not scope.covers(running.definition.filter.reach):
            message = f"There is no subscription {name}."
            raise Refused(Refusal(ERROR_REASON_SUBSCRIPTION_NOT_FOUND, message, where="name"))
        return running

    async def find_oldest(self, running: RunningSubscription) -> int | None:
        """Return the record time of the oldest event that a subscription is not done with; None if it is not known."""
        with suppress(Refused):  # the projection is being built
            return await self._source.find_oldest(running.definition.filter, tuple(running.state.saved))
        return None

    def names(self, scope: Scope) -> list[str]:
        """Return the names of the subscriptions that `get` returns, sorted."""
        return sorted(name for name, running in self._running.items() if scope.covers(running.definition.filter.reach))

    async def update(self, name: str, scope: Scope, limits: Limits) -> None:
        """Change the limits of a subscription."""
        await self.get(name, scope).store([LimitsChanged(*limits)])

    async def delete(self, name: str, scope: Scope) -> None:
        """Delete a subscription, and end the calls of its consumers."""
        running = self.get(name, scope)
        running.state.apply(Deleted())
        del self._running[name]
        message = f"Subscription {name} was deleted."
        running.end(Refused(Refusal(ERROR_REASON_SUBSCRIPTION_NOT_FOUND, message)))
        running.close()
        await self._await_effect(lambda effect: self.committer.remove(running.uid, effect))

    def parked(self, name: str, scope: Scope) -> list[ParkedOrder]:
        """Return the parked orders of a subscription, longest parked first."""
        state = self.get(name, scope).state
        orders = ((order_id, state.orders[order_id]) for order_id in state.backlog_ids)
        parked = [
            ParkedOrder(order_id, order.backlog, order.attempts.get(order.backlog.position, 0))
            for order_id, order in orders
            if order.backlog is not None and order.backlog.is_waiting
        ]
        return sorted(parked, key=lambda order: (order.backlog.time, order.order_id))

    async def replay(self, name: str, scope: Scope, order_id: str) -> None:
        """Hand out a parked order again."""
        running = self.get(name, scope)
        await self._operate(order_id, lambda effect: running.replay(order_id, effect))

    async def skip(self, name: str, scope: Scope, order_id: str, delivery_id: str) -> None:
        """Skip the first event of a parked order."""
        running = self.get(name, scope)
        position = running.delivery_ids.read(delivery_id)
        if position is None:
            raise _not_parked(order_id)
        await self._operate(order_id, lambda effect: running.skip(order_id, position, effect))

    async def consume(self, requests: AsyncIterator[ConsumeRequest], scope: Scope) -> AsyncGenerator[bytes, None]:
        """Yield serialized ConsumeResponses to a consumer, until its requests end."""
        first = await anext(requests, None)
        if first is None:
            return
        if not first.subscription:
            message = "subscription: the first message of a consumer must name it."
            raise Refused(Refusal(ERROR_REASON_INVALID_REQUEST, message, where="subscription"))
        running = self.get(first.subscription, scope)
        if running.state.webhook is not None:
            message = f"Subscription {first.subscription} posts its events to a webhook, so it has no consumers."
            raise Refused(Refusal(ERROR_REASON_SUBSCRIPTION_HAS_WEBHOOK, message))
        if self.consumer_count >= MAX_CONSUMERS:
            raise _too_many(f"The server has {MAX_CONSUMERS} consumers, as many as it may have.")
        async with aclosing(converse(running, running.connect(), first, requests)) as responses:
            async for response in responses:
                yield response

    async def witness_regularly(self) -> None:
        """Note what the log holds before the saved positions, for ever. Raises LogDamaged."""
        while True:
            await sleep(WITNESS_SECONDS)
            await self._witness()

    @property
    def consumer_count(self) -> int:
        """The number of connected consumers."""
        return sum(len(running.sessions) for running in self._running.values())

    def abandon(self, error: Exception) -> None:
        """Stop without storing anything, and end the calls of all consumers, because another server has taken over."""
        for running in self._running.values():
            running.end(error)
            running.close()

    async def close(self) -> None:
        """Save the positions, and stop."""
        for running in self._running.values():
            running.close()
            running.save_position()
        await self._witness()
        await self.committer.flush()

    async def _witness(self) -> None:
        with suppress(LogUnavailable):
            for running in list(self._running.values()):
                if not running.state.stop_reason:
                    witnesses = await find_witnesses(self._log, running.state)
                    if witnesses:
                        running.change(witnesses, _nothing)

    def _request_snapshot(self, uid: str) -> None:
        running = next((running for running in self._running.values() if running.uid == uid), None)
        if running is None:
            self.committer.remove(uid, _nothing)  # its deletion is on its way, or nothing of it can be read
        else:
            running.request_snapshot()

    def _add(self, state: SubscriptionState, change_count: int) -> RunningSubscription:
        running = RunningSubscription(
            state, self._owner, self.committer, self._source, self._pending_bytes, change_count
        )
        self._running[running.definition.name] = running
        return running

    def _pending_bytes(self) -> int:
        active_count = sum(bool(running.sessions) for running in self._running.values())
        return min(PENDING_BYTES_OF_ONE, PENDING_BYTES // max(1, active_count))

    async def _operate(self, order_id: str, operate: Callable[[Effect], bool]) -> None:
        done = get_running_loop().create_future()
        if not operate(lambda: _resolve(done)):
            raise _not_parked(order_id)
        await done

    async def _await_effect(self, begin: Callable[[Effect], None]) -> None:
        done = get_running_loop().create_future()
        begin(lambda: _resolve(done))
        await done


@dataclass(frozen=True, eq=False)
class _NewSubscription:
    """A subscription that is being created, as a source of its first record."""

    record: StateRecord
    effect: Effect

    def take_commit(self) -> Commit:
        return Commit([self.record], [self.effect])


def _fold(records: Sequence[StateRecord]) -> Iterator[tuple[SubscriptionState, int]]:
    """Yield the states of existing subscriptions, and the weight of their changes."""
    states: dict[str, SubscriptionState] = {}
    counts: dict[str, int] = {}
    for record in records:
        states.setdefault(record.uid, SubscriptionState()).fold(record)
        counts[record.uid] = counts.get(record.uid, 0) + weigh(record.changes)
    for uid, state in states.items():
        if state.definition is not None and not state.is_deleted:
            yield state, counts[uid]


def _resolve(done: "Future[None]") -> None:
    if not done.done():
        done.set_result(None)


def _nothing() -> None:
    pass


def _not_parked(order_id: str) -> Refused:
    message = f"Order {order_id} has no such parked delivery in this subscription."
    return Refused(Refusal(ERROR_REASON_DELIVERY_NOT_PARKED, message, order_id=order_id))


def _too_many(message: str) -> Refused:
    return Refused(Refusal(ERROR_REASON_TOO_MANY_SUBSCRIPTIONS, message))
