"""Lines of text or of JSON from log records, by structlog."""

import logging
import re
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

from ordertrail_server.logs.call_fields import FIELDS
from ordertrail_server.logs.queued_record import TRACEBACK

MAX_TRACEBACK = 32_768
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Event = MutableMapping[str, Any]


def create_formatter(*, is_json: bool) -> logging.Formatter:
    """Return the formatter of detached records. Its library takes 65 ms to load, because it loads rich."""
    from structlog.processors import JSONRenderer
    from structlog.stdlib import ProcessorFormatter

    return ProcessorFormatter(
        foreign_pre_chain=[_describe],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            JSONRenderer(default=str) if is_json else _render_text,
        ],
    )


def _describe(logger: object, method: str, event: Event) -> Event:
    record: logging.LogRecord = event["_record"]
    description: Event = {
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        **event,
        **getattr(record, FIELDS, {}),
    }
    traceback = getattr(record, TRACEBACK, None)
    if traceback is not None:
        description["exception"] = "".join(traceback.format())[-MAX_TRACEBACK:]
    return description


def _render_text(logger: object, method: str, event: Event) -> str:
    """Return a line for people: without the time, and with the traceback below it."""
    level, name, text = event.pop("level").upper(), event.pop("logger"), _escape(str(event.pop("event")))
    del event["timestamp"]
    below = event.pop("exception", "")
    fields = "".join(f" {key}={_escape(str(value))}" for key, value in event.items())
    return f"{level} {name}: {text}{fields}" + (f"\n{below.rstrip()}" if below else "")


def _escape(text: str) -> str:
    """Replace characters that would begin another line, or command a terminal."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
