"""Shortens what the library logs: a receiver that fails would be reported every few seconds, without end."""

import logging
from math import inf
from time import monotonic

PAUSE_S = 60.0
MAX_MESSAGES = 64

_log = logging.getLogger(__name__)


class ExportLog(logging.Handler):
    """Logs each message of the library at most once within PAUSE_S, and errors without their tracebacks."""

    def __init__(self) -> None:
        super().__init__()
        self._logged_at: dict[tuple[str, str], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record of the library, if none with the same text was logged just before, whatever its values."""
        key, now = (record.name, str(record.msg)), monotonic()
        if now < self._logged_at.get(key, -inf) + PAUSE_S:
            return
        if len(self._logged_at) >= MAX_MESSAGES:
            self._logged_at.clear()
        self._logged_at[key] = now
        error = record.exc_info[1] if record.exc_info else None
        text = record.getMessage() if error is None else f"{record.getMessage()} ({error})"
        _log.log(record.levelno, "traces: %s", text)


def shorten_export_log(name: str = "opentelemetry") -> None:
    """Shorten the log of a library, for the whole process."""
    logger = logging.getLogger(name)
    logger.handlers, logger.propagate = [ExportLog()], False
