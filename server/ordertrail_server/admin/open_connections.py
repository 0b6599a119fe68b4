"""The open connections of a server with a thread for each: their number and their time are bounded."""

from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_RDWR, socket
from threading import Lock
from time import monotonic


class OpenConnections:
    """At most `limit` connections, each for at most `seconds`. For any thread."""

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._limit, self._seconds, self._clock = limit, seconds, clock
        self._deadlines: dict[socket, float] = {}
        self._lock = Lock()

    def add(self, connection: socket) -> bool:
        """Add a connection; return False if there are too many."""
        with self._lock:
            if len(self._deadlines) >= self._limit:
                return False
            self._deadlines[connection] = self._clock() + self._seconds
            return True

    def remove(self, connection: socket) -> None:
        """Remove a connection that is about to be closed, if it was added."""
        with self._lock:
            self._deadlines.pop(connection, None)

    def end_expired(self) -> None:
        """Shut down connections whose time is over: a timeout for each read would not end a caller that sends slowly.

        Their threads then end and remove them.
        """
        now = self._clock()
        with self._lock:  # so that none is closed meanwhile, and its descriptor used for another connection
            for connection in [connection for connection, deadline in self._deadlines.items() if deadline <= now]:
                with suppress(OSError):
                    connection.shutdown(SHUT_RDWR)
