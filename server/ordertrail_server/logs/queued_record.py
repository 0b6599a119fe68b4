"""Log records that another thread formats: they keep texts, and neither arguments nor frames."""

import logging
from traceback import TracebackException

from ordertrail_server.logs.call_fields import FIELDS, Fields, read_call_fields

MAX_TEXT = 8_192
MAX_VALUE = 256
"""The most characters of a message, and of a field. Callers choose ids, and lines name those of refused calls too."""

MAX_FRAMES = 64
TRACEBACK = "traceback"
"""The attribute of a record that holds its TracebackException."""

_RECORD_BYTES, _TRACEBACK_BYTES = 1_000, 20_000


def detach_record(record: logging.LogRecord) -> None:
    """Complete a record in the thread that logs it, in its context. Reads no files.

    A traceback would keep all local variables of its frames alive, such as requests of many megabytes.
    """
    record.msg, record.args = shorten(record.getMessage(), MAX_TEXT), None
    own_fields: Fields = getattr(record, FIELDS, {})
    fields = {**read_call_fields(), **own_fields}
    setattr(record, FIELDS, {name: shorten(value, MAX_VALUE) for name, value in fields.items()})
    kind, error, frames = record.exc_info or (None, None, None)
    if kind is not None and error is not None:
        # The lines of the source are read when the traceback is formatted.
        traceback = TracebackException(kind, error, frames, limit=-MAX_FRAMES, lookup_lines=False, compact=True)
        setattr(record, TRACEBACK, traceback)
    record.exc_info = record.exc_text = None


def estimate_bytes(record: logging.LogRecord) -> int:
    """Return about how much memory a detached record takes."""
    traceback_bytes = _TRACEBACK_BYTES if hasattr(record, TRACEBACK) else 0
    return _RECORD_BYTES + len(record.msg) + traceback_bytes


def shorten(value: object, limit: int) -> object:
    """Return a text with at most `limit` characters, and any other value as it is."""
    return f"{value[:limit]}…" if isinstance(value, str) and len(value) > limit else value
