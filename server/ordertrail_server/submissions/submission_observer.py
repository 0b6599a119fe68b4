"""What a server's metrics learn of submitted commands."""

from typing import Protocol

from ordertrail_server.commands.attempt import Answer
from ordertrail_server.orders.refusal import Refusal


class SubmissionObserver(Protocol):
    """Observes the results of submissions, and the outcomes that this server finds. Called on the event loop."""

    def note_stored(self, *, is_repeated: bool) -> None:
        """Note a command that is stored; `is_repeated` is true if an earlier submission has stored it."""

    def note_refused(self, refusal: Refusal) -> None:
        """Note a command that is not stored."""

    def note_outcome(self, answer: Answer, *, is_repeated: bool) -> None:
        """Note the outcome of a submitted command; `is_repeated` is true if it was recorded before."""
