"""A limit for the time of one query."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from ordertrail_server.storage.connection import Connection

# The number of SQLite instructions between two calls of the progress handler: about 10 ms. Each call takes the GIL.
INSTRUCTIONS = 500_000


class TimeLimit:
    """Interrupts a connection's work after `seconds`, or once it is abandoned."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._is_abandoned = False

    @contextmanager
    def watch(self, connection: Connection) -> Iterator[None]:
        """Limit what the connection does within the block; a rollback or commit after it is never interrupted."""
        end = monotonic() + self.seconds
        connection.set_progress_handler(lambda: self._is_abandoned or monotonic() >= end, INSTRUCTIONS)
        try:
            yield
        finally:
            connection.set_progress_handler(None, 0)

    def abandon(self) -> None:
        """Interrupt the work soon. May be called from any thread."""
        self._is_abandoned = True
