"""The library's report about a disconnected caller is one line at DEBUG. Its other reports do not change."""

import logging

import grpc
import pytest

from ordertrail_server.edge.disconnected_callers import LIBRARY_LOGGER, demote_disconnect_errors


class BatchFailed(grpc.aio.InternalError):
    """Like the private class that the library raises."""


def report(error: Exception) -> None:
    try:
        raise error
    except Exception:
        logging.getLogger(LIBRARY_LOGGER).exception("raised by servicer method")


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
def test_disconnected_caller_is_logged_as_one_line_at_debug(caplog: pytest.LogCaptureFixture, level: int) -> None:
    demote_disconnect_errors()
    with caplog.at_level(level):
        report(BatchFailed("failed"))
    lines = [(record.levelname, record.getMessage(), record.exc_info) for record in caplog.records]
    debug_lines = [("DEBUG", "a caller disconnected before the answer: failed", None)]
    assert lines == (debug_lines if level == logging.DEBUG else [])


def test_error_other_than_a_disconnect_is_logged_with_traceback(caplog: pytest.LogCaptureFixture) -> None:
    demote_disconnect_errors()
    report(ValueError("a fault"))
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
