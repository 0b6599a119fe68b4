"""The changes of a subscription's durable state. A state record holds some of them, in order.

Positions are packed (log.position). Times are nanoseconds since 1970.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from ordertrail_server.subscriptions.webhook_changes import (
    Attempted,
    Finished,
    Prepared,
    SecretAdded,
    SecretRevoked,
    WebhookChange,
    WebhookDisabled,
    WebhookSet,
)

BYTES_OF_CHANGE = 500
"""How many bytes of a text weigh as much as another change."""


class Cause(StrEnum):
    """Why an order has a backlog: events that are not done, and for which the saved position does not wait."""

    PARKED = "parked"
    """The first event was handed out too often. An operator decides."""

    UNREADABLE = "unreadable"
    """The projection cannot read the order's facts. They follow once it can."""

    REPLAYING = "replaying"
    """The events are handed out again."""

    LAGGING = "lagging"
    """The events are handed out or wait behind some that are, and other orders are far ahead."""


class Created(NamedTuple):
    """The subscription exists, with its definition, and the offset of each partition where it begins."""

    definition: dict[str, Any]
    offsets: list[int]


class LimitsChanged(NamedTuple):
    """The subscription has these limits."""

    max_attempts: int
    acknowledge_s: float


class Claimed(NamedTuple):
    """The writer of the record serves the subscription from now on, in the record's epoch."""


class HandedOut(NamedTuple):
    """An event is handed out for the `attempt`-th time."""

    order_id: str
    position: int
    attempt: int


class Done(NamedTuple):
    """The events of an order up to this position are done."""

    order_id: str
    position: int


class BacklogSet(NamedTuple):
    """The events of an order from this position on are a backlog."""

    order_id: str
    cause: str
    position: int
    reason: str
    time: int


class Forgiven(NamedTuple):
    """So many hand-outs of an event do not count towards the limit of attempts."""

    order_id: str
    position: int
    hand_outs: int


class CaughtUp(NamedTuple):
    """An order has no backlog any more."""

    order_id: str


class Saved(NamedTuple):
    """All events of a partition before this offset are done, except those of backlogs."""

    partition: int
    offset: int


class Witnessed(NamedTuple):
    """The record of a partition at this offset, below the saved position, has this digest (hexadecimal)."""

    partition: int
    offset: int
    digest: str


class Continued(NamedTuple):
    """The positions are of the log with this identity (hexadecimal) from now on, which a restore has created."""

    log_id: str


class Stopped(NamedTuple):
    """The subscription delivers nothing any more."""

    reason: str


class Deleted(NamedTuple):
    """The subscription does not exist any more."""


Change = (
    Created
    | LimitsChanged
    | Claimed
    | HandedOut
    | Done
    | BacklogSet
    | Forgiven
    | CaughtUp
    | Saved
    | Witnessed
    | Continued
    | Stopped
    | Deleted
    | WebhookChange
)

# The names are in files, and are never changed.
_TYPES: dict[str, Any] = {
    "created": Created,
    "limits": LimitsChanged,
    "claimed": Claimed,
    "handed_out": HandedOut,
    "done": Done,
    "backlog": BacklogSet,
    "forgiven": Forgiven,
    "caught_up": CaughtUp,
    "saved": Saved,
    "witnessed": Witnessed,
    "continued": Continued,
    "stopped": Stopped,
    "deleted": Deleted,
    "webhook": WebhookSet,
    "secret": SecretAdded,
    "secret_revoked": SecretRevoked,
    "webhook_disabled": WebhookDisabled,
    "prepared": Prepared,
    "attempted": Attempted,
    "finished": Finished,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}


def to_json(change: Change) -> list[Any]:
    """Return a change as a list of JSON: its name and its values."""
    return [_NAMES[type(change)], *change]


def from_json(values: list[Any]) -> Change:
    """Return the change of `to_json`. Raises KeyError or TypeError for a change of a newer release."""
    name, *arguments = values
    change: Change = _TYPES[name](*arguments)
    return change


def weigh(changes: Iterable[Change]) -> int:
    """Return how many small changes take as much space."""
    return sum(1 + _text_size(change) // BYTES_OF_CHANGE for change in changes)


def _text_size(change: Change) -> int:
    match change:
        case Prepared():
            return len(change.body)
        case Attempted():
            return change.size
        case _:
            return 0
