"""The changes of a subscription's webhook: its configuration, its secrets, and what became of its deliveries.

Positions are packed (log.position). Times are nanoseconds since 1970.
"""

from typing import NamedTuple


class WebhookSet(NamedTuple):
    """The subscription posts its events to this URL, `max_in_flight` at once, and waits `timeout_s` for an answer.

    With `has_signing_key` its secrets have keys of Ed25519.
    """

    url: str
    timeout_s: float
    max_in_flight: int
    has_signing_key: bool


class SecretAdded(NamedTuple):
    """Attempts are signed with this secret too. The keys are those of Ed25519, empty if the webhook has none."""

    secret_id: str
    hmac_secret: str
    signing_key: str
    public_key: str
    time: int

    def __repr__(self) -> str:
        """Return a text without the secret, so that no log or error shows it."""
        return f"SecretAdded({self.secret_id!r}, …)"


class SecretRevoked(NamedTuple):
    """Attempts are no longer signed with this secret."""

    secret_id: str


class WebhookDisabled(NamedTuple):
    """Nothing is posted for this reason; an empty one ends that."""

    reason: str


class Prepared(NamedTuple):
    """The body of a delivery, as every attempt posts it."""

    order_id: str
    position: int
    event_type: str
    time: int
    body: str


class Attempted(NamedTuple):
    """An attempt has ended: with a status (0 if there was no response), or with an error.

    `attempt` is 0 if an operator asked for it. `response` is the beginning of the response's body.
    """

    position: int
    attempt: int
    time: int
    duration_ms: int
    status: int
    error: str
    response: str

    @property
    def size(self) -> int:
        """The bytes of its texts."""
        return len(self.error.encode()) + len(self.response.encode())

    @property
    def is_success(self) -> bool:
        """True if the receiver has accepted the delivery."""
        return 200 <= self.status < 300


class Finished(NamedTuple):
    """The delivery is done. Only snapshots have this change; otherwise it follows from `Done`."""

    position: int


WebhookChange = WebhookSet | SecretAdded | SecretRevoked | WebhookDisabled | Prepared | Attempted | Finished
