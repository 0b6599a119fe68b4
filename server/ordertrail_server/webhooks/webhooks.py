"""The webhooks of a server: each posts the events of one subscription. They live as long as one `Subscriptions`."""

from asyncio import Event, Lock, Task, create_task, gather
from collections.abc import Callable
from time import time_ns
from typing import NamedTuple

from ordertrail.v1.error_reason_pb2 import (
    ERROR_REASON_SUBSCRIPTION_HAS_NO_WEBHOOK,
    ERROR_REASON_TOO_MANY_SUBSCRIPTIONS,
    ERROR_REASON_WEBHOOK_SECRET_REFUSED,
)
from ordertrail_server.access.scope import EVERYTHING, Scope
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.storage.descriptors import descriptor_limit
from ordertrail_server.subscriptions.changes import Change, LimitsChanged
from ordertrail_server.subscriptions.definition import Limits
from ordertrail_server.subscriptions.running_subscription import RunningSubscription
from ordertrail_server.subscriptions.subscriptions import Subscriptions
from ordertrail_server.subscriptions.webhook_changes import (
    Attempted,
    SecretAdded,
    SecretRevoked,
    WebhookDisabled,
    WebhookSet,
)
from ordertrail_server.subscriptions.webhook_state import LoggedDelivery, WebhookState
from ordertrail_server.webhooks.connection_share import connection_share
from ordertrail_server.webhooks.delivery_log import find_redeliverable, has_failed
from ordertrail_server.webhooks.detached_calls import DetachedCalls
from ordertrail_server.webhooks.poster_loader import PosterLoader
from ordertrail_server.webhooks.webhook_config import limits_of, require_url
from ordertrail_server.webhooks.worker import Worker

MAX_WEBHOOKS = 100
"""The most webhooks of a server."""

MAX_SECRETS = 3
"""The most secrets of a webhook."""


class _Running(NamedTuple):
    worker: Worker
    task: Task[None]
    redelivery: Lock


class Webhooks:
    """For one event loop. Methods raise Refused. Call `start` once the subscriptions have started.

    `new_id` returns a new unique id. Close it before the subscriptions.
    """

    def __init__(self, subscriptions: Subscriptions, loader: PosterLoader, new_id: Callable[[], str]) -> None:
        self._subscriptions, self._loader, self._new_id = subscriptions, loader, new_id
        self._by_uid: dict[str, _Running] = {}
        self._descriptor_limit = descriptor_limit()
        self._calls = DetachedCalls()

    def start(self) -> None:
        """Begin to post."""
        for name in self._subscriptions.names(EVERYTHING):
            running = self._subscriptions.get(name, EVERYTHING)
            if running.state.webhook is not None:
                self._start(running)

    async def close(self) -> None:
        """Stop to post. Attempts that run may end within a short time."""
        await gather(*(running.worker.stop() for running in self._by_uid.values()))
        for running in self._by_uid.values():
            running.task.cancel()
        await gather(*(running.task for running in self._by_uid.values()), return_exceptions=True)
        await self._calls.close()
        await self._loader.close()

    async def create(
        self, name: str, event_filter: EventFilter, max_attempts: int, start: str, begin: Offsets, config: WebhookSet
    ) -> str:
        """Create a subscription with a webhook, as `Subscriptions.create` does. Return its secret.

        Return an empty text if an equal subscription exists, because a secret is shown only once.
        """
        require_url(self._loader.policy, config.url)
        limits = limits_of(config, max_attempts)
        return await self._calls.run(self._create(name, event_filter, limits, start, begin, config))

    async def _create(
        self, name: str, event_filter: EventFilter, limits: Limits, start: str, begin: Offsets, config: WebhookSet
    ) -> str:
        secret = await self._create_secret(config)
        if name not in self._subscriptions.names(EVERYTHING) and self._count() >= MAX_WEBHOOKS:
            message = f"The server has {MAX_WEBHOOKS} webhooks, as many as it may have."
            raise Refused(Refusal(ERROR_REASON_TOO_MANY_SUBSCRIPTIONS, message))
        await self._subscriptions.create(name, event_filter, limits, start, begin, (config, secret))
        running = self._subscriptions.get(name, EVERYTHING)
        if secret.secret_id not in require_webhook(running).secrets:
            return ""
        self._start(running)
        return secret.hmac_secret

    async def update(
        self, name: str, scope: Scope, max_attempts: int, config: WebhookSet, *, is_url_named: bool
    ) -> None:
        """Change a webhook. If the request names its URL, even the present one, a disabled webhook is enabled."""
        running = self._subscriptions.get(name, scope)
        webhook = require_webhook(running)
        require_url(self._loader.policy, config.url)
        changes: list[Change] = [config, LimitsChanged(*limits_of(config, max_attempts))]
        if webhook.disable_reason and is_url_named:
            changes.append(WebhookDisabled(""))
        stored = Event()
        running.change(changes, stored.set)
        if running.uid in self._by_uid:
            self._by_uid[running.uid].worker.note_change(is_new_receiver=is_url_named)
        await stored.wait()

    async def rotate(self, name: str, scope: Scope) -> SecretAdded:
        """Add a secret, and return it. Attempts are signed with all secrets until some are revoked."""
        running = self._subscriptions.get(name, scope)
        secret = await self._create_secret(require_webhook(running).config)
        if len(require_webhook(running).secrets) >= MAX_SECRETS:
            raise _secret_refused(f"Webhook {name} has {MAX_SECRETS} secrets, as many as it may have: revoke one.")
        await running.store([secret])
        return secret

    async def revoke(self, name: str, scope: Scope, secret_id: str) -> None:
        """Remove a secret."""
        running = self._subscriptions.get(name, scope)
        present = require_webhook(running).secrets
        if secret_id not in present:
            raise _secret_refused(f"Webhook {name} has no secret {secret_id}.")
        if len(present) == 1:
            raise _secret_refused(f"The only secret of webhook {name} cannot be revoked; rotate first.")
        await running.store([SecretRevoked(secret_id)])

    async def redeliver(self, name: str, scope: Scope, delivery_id: str) -> Attempted:
        """Post a finished delivery once more, with the same id and body, and return what became of that."""
        running = self._subscriptions.get(name, scope)
        find_redeliverable(running, require_webhook(running), delivery_id)
        turn = self._by_uid[running.uid].redelivery
        await turn.acquire()  # a caller that leaves while it waits has nothing posted
        return await self._calls.run(self._redeliver(running, delivery_id, turn))

    async def _redeliver(self, running: RunningSubscription, delivery_id: str, turn: Lock) -> Attempted:
        try:
            poster = await self._loader.load()
            prepared = find_redeliverable(running, require_webhook(running), delivery_id)
            attempted, _ = await poster.attempt(running, prepared, 0)
            worker = self.worker_of(running)
            if worker is not None:  # the subscription may have been deleted meanwhile
                worker.attempt_totals.add(attempted)
            await running.store([attempted])
        finally:
            turn.release()
        return attempted

    def deliveries(
        self, name: str, scope: Scope, order_id: str, *, failed: bool
    ) -> tuple[RunningSubscription, list[LoggedDelivery]]:
        """Return a subscription, and the deliveries that its webhook remembers, newest first.

        An empty order id means every order; with `failed` only those whose last attempt failed are returned.
        """
        running = self._subscriptions.get(name, scope)
        deliveries = [
            delivery
            for delivery in require_webhook(running).deliveries()
            if order_id in ("", delivery.prepared.order_id) and (has_failed(delivery) or not failed)
        ]
        return running, deliveries

    def worker_of(self, running: RunningSubscription) -> Worker | None:
        """Return what posts the events of a subscription, None if it has no webhook."""
        active = self._by_uid.get(running.uid)
        return None if active is None else active.worker

    def workers(self) -> list[Worker]:
        """Return what posts the events of each subscription with a webhook."""
        workers = [active.worker for active in self._by_uid.values()]
        return [worker for worker in workers if not worker.running.state.is_deleted]

    def _count(self) -> int:
        names = self._subscriptions.names(EVERYTHING)
        return sum(self._subscriptions.get(name, EVERYTHING).state.webhook is not None for name in names)

    def _start(self, running: RunningSubscription) -> None:
        self._forget_ended()
        worker = Worker(running, self._loader, self._connection_share)
        self._by_uid[running.uid] = _Running(worker, create_task(worker.run()), Lock())
        for active in self._by_uid.values():
            active.worker.control.adjust()  # there is one more that needs a share

    def _connection_share(self) -> int:
        return connection_share(self._descriptor_limit, len(self._by_uid))

    def _forget_ended(self) -> None:
        for uid in [uid for uid, active in self._by_uid.items() if active.worker.running.state.is_deleted]:
            del self._by_uid[uid]

    async def _create_secret(self, config: WebhookSet) -> SecretAdded:
        poster = await self._loader.load()
        return poster.create_secret(self._new_id(), time_ns(), has_signing_key=config.has_signing_key)


def require_webhook(running: RunningSubscription) -> WebhookState:
    """Return the webhook of a subscription. Raises Refused if it has none."""
    if running.state.webhook is None:
        message = f"Subscription {running.definition.name} has no webhook."
        raise Refused(Refusal(ERROR_REASON_SUBSCRIPTION_HAS_NO_WEBHOOK, message))
    return running.state.webhook


def _secret_refused(message: str) -> Refused:
    return Refused(Refusal(ERROR_REASON_WEBHOOK_SECRET_REFUSED, message))
