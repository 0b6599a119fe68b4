"""What a dispatch asks for and gets from the projection of events."""

from collections.abc import Sequence
from typing import NamedTuple

from ordertrail_server.subscriptions.order_queue import LoadedEvent


class ReadEvent(NamedTuple):
    """An event that was read from the log's projection."""

    position: int
    order_id: str
    frame: bytes


class Reload(NamedTuple):
    """The events of an order from a position on, up to the cursor, must be read."""

    order_id: str
    position: int


class Reloaded(NamedTuple):
    """The answer to a Reload: the first events, and the position from which on more follow, if they do.

    `unreadable` is why the projection cannot read the events from there on; empty if it can.
    """

    request: Reload
    events: Sequence[LoadedEvent]
    remainder: int | None
    unreadable: str = ""
