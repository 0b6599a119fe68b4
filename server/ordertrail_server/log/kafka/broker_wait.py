"""How long a server that starts waits for its brokers."""

import logging
from time import monotonic

from ordertrail_server.log.port import LogUnavailable

_log = logging.getLogger(__name__)

REPORT_SECONDS = 10.0


class BrokerWait:
    """Allows retries of a start for so many seconds, and logs their cause."""

    def __init__(self, seconds: float) -> None:
        self._deadline = monotonic() + seconds
        self._reported = -REPORT_SECONDS

    def check_deadline(self, error: LogUnavailable) -> None:
        """Raise the error if the deadline has passed; otherwise log it, at most every 10 seconds."""
        now = monotonic()
        remaining = self._deadline - now
        if remaining <= 0:
            raise error
        if now - self._reported >= REPORT_SECONDS:
            self._reported = now
            _log.warning("waiting for the brokers, for %.0f s at most: %s", remaining, error)
