"""Where a server's log lines go, and in which form."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal, get_args

from ordertrail_server.logs.line_format import create_formatter
from ordertrail_server.logs.line_writer import LineWriter

LogFormat = Literal["auto", "text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
STDERR = 2
LOG_FORMATS: tuple[LogFormat, ...] = get_args(LogFormat)
LOG_LEVELS: tuple[LogLevel, ...] = get_args(LogLevel)


def is_json(log_format: LogFormat) -> bool:
    """Return whether lines are JSON: as chosen, or if stderr is no terminal."""
    return not os.isatty(STDERR) if log_format == "auto" else log_format == "json"


@contextmanager
def write_logs(log_format: LogFormat, level: LogLevel) -> Iterator[None]:
    """Write the log lines of all loggers to stderr meanwhile."""
    root = logging.getLogger()
    writer = LineWriter(STDERR, partial(create_formatter, is_json=is_json(log_format)))
    level_before = root.level
    root.setLevel(level.upper())
    root.addHandler(writer)
    try:
        yield
    finally:
        root.removeHandler(writer)
        root.setLevel(level_before)
        writer.close()
