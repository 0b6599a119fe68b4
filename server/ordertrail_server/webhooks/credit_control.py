"""Gives the consumer of a webhook as many credits as its circuit breaker allows."""

from asyncio import TimerHandle, get_running_loop
from collections.abc import Callable

from ordertrail.v1.subscription_service_pb2 import ConsumeRequest, DeliveryCredits
from ordertrail_server.subscriptions.running_subscription import RunningSubscription
from ordertrail_server.subscriptions.session import MAX_BYTES, Session
from ordertrail_server.subscriptions.webhook_state import WebhookState
from ordertrail_server.webhooks.circuit_breaker import Circuit, CircuitBreaker


class CreditControl:
    """For one event loop. While no attempt may begin, nothing is handed out, so no attempts are counted.

    `share` returns how many connections the webhook may have at this moment.
    """

    def __init__(self, running: RunningSubscription, share: Callable[[], int]) -> None:
        self.breaker = CircuitBreaker()
        self._running, self._share = running, share
        self._session: Session | None = None
        self._granted, self._is_stopping = 0, False
        self._timer: TimerHandle | None = None

    @property
    def webhook(self) -> WebhookState:
        """The webhook as it is at this moment."""
        webhook = self._running.state.webhook
        assert webhook is not None
        return webhook

    def begin(self, session: Session) -> None:
        """Give credits to a new session."""
        self._session, self._granted = session, 0
        self.answer(ConsumeRequest(credits=DeliveryCredits(bytes=MAX_BYTES)))
        self.adjust()

    def end(self) -> None:
        """Answer nothing any more."""
        self._session = None
        self._cancel_timer()

    def stop(self) -> None:
        """Give no credits any more."""
        self._is_stopping = True
        self.adjust()

    def answer(self, request: ConsumeRequest) -> None:
        """Answer hand-outs of the session, if it has not ended."""
        if self._session is not None and self._session in self._running.sessions:
            self._running.answer(self._session, request)

    def adjust(self) -> None:
        """Give or take back credits, as the webhook and its circuit breaker require now."""
        loop = get_running_loop()
        self.breaker.note_time(loop.time())
        target = self._allowed()
        if target != self._granted:
            change, self._granted = target - self._granted, target
            self.answer(ConsumeRequest(credits=DeliveryCredits(events=change)))
        self._cancel_timer()
        if self.breaker.circuit == Circuit.OPEN and not self._is_stopping:
            self._timer = loop.call_at(self.breaker.retry_at, self.adjust)

    def _allowed(self) -> int:
        if self._is_stopping or self.webhook.disable_reason:
            return 0
        return self.breaker.allowed(min(self.webhook.config.max_in_flight, self._share()))

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
