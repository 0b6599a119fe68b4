"""The limit on how long a starting server waits for its brokers."""

import logging
from time import monotonic

from ordertrail_server.log.deadline import Deadline
from ordertrail_server.log.port import LogUnavailable

_log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
"""How long one attempt to connect to a broker may take."""

FIRST_ATTEMPT_SECONDS = 1.0
"""Short, because only a failed attempt is logged; a running broker answers sooner."""

SHORTEST_ATTEMPT_SECONDS = 0.5
"""In less time the client may not find out why no broker answers."""

REPORT_SECONDS = 10.0


class BrokerWait:
    """Limits the attempts to start to `seconds` in all, and logs why they fail. There is always a first attempt."""

    def __init__(self, seconds: float) -> None:
        self._deadline = Deadline(seconds)
        self._reported = -REPORT_SECONDS
        self._retrying = False

    def next_timeout(self) -> float:
        """Return how many seconds the next attempt may take."""
        if not self._retrying:
            return FIRST_ATTEMPT_SECONDS
        return min(CONNECT_SECONDS, max(SHORTEST_ATTEMPT_SECONDS, self._deadline.remaining()))

    def check_deadline(self, error: LogUnavailable) -> None:
        """Raise the error if too little time is left for another attempt; else log it, at most every 10 seconds."""
        now, remaining = monotonic(), self._deadline.remaining()
        if remaining < FIRST_ATTEMPT_SECONDS:
            raise error
        self._retrying = True
        if now - self._reported >= REPORT_SECONDS:
            self._reported = now
            _log.warning("waiting for the brokers, for at most %.0f s: %s", remaining, error)
