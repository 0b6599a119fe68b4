"""The events of one order that are not done: those in flight, then those that are loaded, then those that are not."""

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple


class LoadedEvent(NamedTuple):
    """An event that is ready to be handed out: its packed position, and its bytes as field 1 of a message."""

    position: int
    frame: bytes


@dataclass(slots=True, eq=False)
class Consumer:
    """A connected consumer. The credits are those that it has left; bytes can be negative for one large event.

    `queues` are the orders that it holds and that have a loaded event for it. With `takes_one_event` it gets the next
    event of an order only when it has answered the one before.
    """

    free_events: int = 0
    free_bytes: int = 0
    flights: dict[int, "Flight"] = field(default_factory=dict)
    queues: "deque[OrderQueue]" = field(default_factory=deque)
    takes_one_event: bool = False

    def find_flight(self, position: int, attempt: int) -> "Flight | None":
        """Return the flight of a hand-out; None if it no longer counts."""
        flight = self.flights.get(position)
        return flight if flight is not None and flight.attempt == attempt else None


@dataclass(slots=True, eq=False)
class Flight:
    """One hand-out that is not answered. `deadline`, by the event loop's clock, is set when it is delivered."""

    queue: "OrderQueue"
    position: int
    attempt: int
    size: int
    consumer: Consumer
    deadline: float = inf
    is_acknowledged: bool = False


@dataclass(slots=True, eq=False)
class OrderQueue:
    """The events of one order. `unloaded` is the position from which on they are not loaded, None if there are none.

    `holder` has the flights, and `offered_to` is the list from which the next event will be handed out. `lowest` is the
    head that the watermark knows. `reason` is that of the last rejection.
    """

    order_id: str
    flights: deque[Flight] = field(default_factory=deque)
    pending: deque[LoadedEvent] = field(default_factory=deque)
    unloaded: int | None = None
    holder: Consumer | None = None
    is_delayed: bool = False
    offered_to: "deque[OrderQueue] | None" = None
    is_removed: bool = False
    lowest: int | None = None
    reason: str = ""

    @property
    def head(self) -> int | None:
        """The position of the first event that is not done; None if all are."""
        if self.flights:
            return self.flights[0].position
        return self.pending[0].position if self.pending else self.unloaded
