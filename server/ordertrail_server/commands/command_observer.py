"""What a server's metrics learn of commands."""

from asyncio import Future
from enum import Enum
from typing import Protocol

from ordertrail_server.commands.attempt import Answer


class AppendOutcome(Enum):
    """The outcome of one append, which is one batch of records."""

    APPENDED = "appended"  # the records got the expected offsets
    OVERTAKEN = "overtaken"  # another server wrote in between, so some records may be void
    UNCERTAIN = "uncertain"  # some or all of the records may be stored, or none
    UNAVAILABLE = "unavailable"  # certainly nothing was stored


class CommandObserver(Protocol):
    """Observes the answers to attempts, and the appends of their records. Called on the event loop."""

    def note_answer(self, answered: "Future[Answer]") -> None:
        """Note the answer of an attempt, or that its caller has cancelled."""

    def note_append(self, outcome: AppendOutcome, record_count: int, byte_count: int, seconds: float) -> None:
        """Note the end of an append, and how long it took until the records were durable."""
