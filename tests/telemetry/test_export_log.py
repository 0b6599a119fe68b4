"""A receiver that fails is logged, but not again and again, and without tracebacks."""

import logging

import pytest

from ordertrail_server.telemetry.export_log import shorten_export_log

LIBRARY = "tests.telemetry.library"


def test_repeated_failures_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    shorten_export_log(LIBRARY)
    logger = logging.getLogger(f"{LIBRARY}.exporter")
    for number in range(3):
        logger.warning("no receiver, retrying in %s s", number)
    logger.error("the queue is full")
    assert caplog.messages == ["traces: no receiver, retrying in 0 s", "traces: the queue is full"]


def test_error_is_logged_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    shorten_export_log(LIBRARY)
    try:
        int("abc")
    except ValueError:
        logging.getLogger(LIBRARY).exception("a variable is not a number")
    assert caplog.messages == ["traces: a variable is not a number (invalid literal for int() with base 10: 'abc')"]
    assert caplog.records[0].exc_info is None
