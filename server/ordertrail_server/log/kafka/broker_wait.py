"""The patience of a server that starts while its brokers are away."""

import logging
from time import monotonic

from ordertrail_server.log.port import LogUnavailable

_log = logging.getLogger(__name__)

REPORT_SECONDS = 10.0


class BrokerWait:
    """Says for so many seconds that a start is worth another try, and logs why it is needed."""

    def __init__(self, seconds: float) -> None:
        self._deadline = monotonic() + seconds
        self._reported = -REPORT_SECONDS

    def check_deadline(self, error: LogUnavailable) -> None:
        """Log what is waited for, now and then. Raises the error if the time is over."""
        now = monotonic()
        remaining = self._deadline - now
        if remaining <= 0:
            raise error
        if now - self._reported >= REPORT_SECONDS:
            self._reported = now
            _log.warning("waiting for the brokers, for %.0f s at most: %s", remaining, error)
