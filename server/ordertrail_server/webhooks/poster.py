"""Attempts to post deliveries. It loads the HTTP client, so it is imported when the first webhook exists."""

import ssl
from collections.abc import Callable
from time import monotonic, time_ns
from typing import NamedTuple

from ordertrail_server.subscriptions.running_subscription import RunningSubscription
from ordertrail_server.subscriptions.webhook_changes import Attempted, Prepared, SecretAdded
from ordertrail_server.telemetry.process_tracing import find_tracing
from ordertrail_server.webhooks.address_policy import AddressPolicy
from ordertrail_server.webhooks.body import CONTENT_TYPE
from ordertrail_server.webhooks.http_client import HttpClient
from ordertrail_server.webhooks.http_response import HttpResponse, PostFailed
from ordertrail_server.webhooks.post_trace import PostTrace
from ordertrail_server.webhooks.resolver import Resolver
from ordertrail_server.webhooks.retry_after import parse_retry_after
from ordertrail_server.webhooks.signature import create_secret, sign
from ordertrail_server.webhooks.tls import load_tls

__all__ = ["AttemptOutcome", "Poster", "load_tls"]


class AttemptOutcome(NamedTuple):
    """What became of an attempt, and for how many seconds the receiver wants no other one."""

    attempted: Attempted
    retry_after_s: float


class Poster:
    """For one event loop. Close it at the end."""

    def __init__(self, policy: AddressPolicy, context: ssl.SSLContext, may_post: Callable[[], bool]) -> None:
        self._client = HttpClient(policy, Resolver(policy), context, may_post)
        self._tracing = find_tracing()

    async def attempt(self, running: RunningSubscription, prepared: Prepared, number: int) -> AttemptOutcome:
        """Post a body to the URL of this moment, signed with the secrets of this moment.

        `number` counts the attempts; it is 0 if an operator asks for one. Raises PostingEnded.
        """
        response, error, begin, time = HttpResponse(0, "", ""), "", monotonic(), time_ns()
        try:
            response = await self._post(running, prepared, number, time // 1_000_000_000)
        except PostFailed as failure:
            error = str(failure)
        duration_ms = int((monotonic() - begin) * 1000)
        attempted = Attempted(prepared.position, number, time, duration_ms, response.status, error, response.excerpt)
        return AttemptOutcome(attempted, parse_retry_after(response.retry_after, time_ns() / 1e9))

    def create_secret(self, secret_id: str, time: int, *, has_signing_key: bool) -> SecretAdded:
        """Return a new secret; see signature.create_secret."""
        return create_secret(secret_id, time, has_signing_key=has_signing_key)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _post(
        self, running: RunningSubscription, prepared: Prepared, number: int, timestamp: int
    ) -> HttpResponse:
        webhook = running.state.webhook
        if webhook is None or running.state.is_deleted:
            raise PostFailed("the webhook was deleted")
        delivery_id = running.delivery_ids.write(prepared.position)
        headers = {
            "Content-Type": CONTENT_TYPE,
            "webhook-id": delivery_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(webhook.secrets.values(), delivery_id, timestamp, prepared.body),
        }
        url, timeout_s = webhook.config.url, webhook.config.timeout_s
        with PostTrace(self._tracing, prepared, url, number) as trace:
            response = await self._client.post(url, headers | trace.headers, prepared.body, timeout_s)
            trace.note_response(response)
            return response
