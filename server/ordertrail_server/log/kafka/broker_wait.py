"""How long a server that starts waits for its brokers."""

import logging
from time import monotonic

from ordertrail_server.log.deadline import Deadline
from ordertrail_server.log.port import LogUnavailable

_log = logging.getLogger(__name__)

REACH_SECONDS = 5.0
"""How long one try to reach a broker may take."""

FIRST_TRY_SECONDS = 1.0
"""Short, because only a failed try is logged; a broker that runs answers sooner."""

SHORTEST_TRY_SECONDS = 0.5
"""In less time the client may not learn why no broker answers."""

REPORT_SECONDS = 10.0


class BrokerWait:
    """Allows retries of a start for so many seconds, and logs their cause. The first try is always made."""

    def __init__(self, seconds: float) -> None:
        self._deadline = Deadline(seconds)
        self._reported = -REPORT_SECONDS
        self._retrying = False

    def limit_try(self) -> float:
        """Return how many seconds the next try may take."""
        if not self._retrying:
            return FIRST_TRY_SECONDS
        return min(REACH_SECONDS, max(SHORTEST_TRY_SECONDS, self._deadline.remaining()))

    def check_deadline(self, error: LogUnavailable) -> None:
        """Raise the error if too little time is left for another try; otherwise log it, at most every 10 seconds."""
        now, remaining = monotonic(), self._deadline.remaining()
        if remaining < FIRST_TRY_SECONDS:
            raise error
        self._retrying = True
        if now - self._reported >= REPORT_SECONDS:
            self._reported = now
            _log.warning("waiting for the brokers, for %.0f s at most: %s", remaining, error)
