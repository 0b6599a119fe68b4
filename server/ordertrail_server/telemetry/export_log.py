"""Limits what the library logs about a receiver that fails: it would repeat itself every few seconds, without end."""

import logging
from time import monotonic

PAUSE_S = 60.0

_LOGGERS = (
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk._shared_internal",
)


class OneLineEachMinute(logging.Filter):
    """Drops the records that follow another one within PAUSE_S."""

    def __init__(self) -> None:
        super().__init__()
        self._logged_at = -PAUSE_S

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        is_logged = monotonic() >= self._logged_at + PAUSE_S
        if is_logged:
            self._logged_at = monotonic()
        return is_logged


def limit_export_log() -> None:
    """Limit the log of the library's exporters and queue, for the whole process."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(OneLineEachMinute())
