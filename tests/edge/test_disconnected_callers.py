"""The library's report of a caller that has gone is one line at DEBUG; all else that it reports stays as it is."""

import logging

import grpc
import pytest

from ordertrail_server.edge.disconnected_callers import LIBRARY_LOGGER, demote_disconnect_errors


class BatchFailed(grpc.aio.InternalError):
    """As the library raises it, which keeps its own class to itself."""


def report(error: Exception) -> None:
    try:
        raise error
    except Exception:
        logging.getLogger(LIBRARY_LOGGER).exception("raised by servicer method")


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
def test_a_caller_that_has_gone_is_one_line_at_debug(caplog: pytest.LogCaptureFixture, level: int) -> None:
    demote_disconnect_errors()
    with caplog.at_level(level):
        report(BatchFailed("failed"))
    lines = [(record.levelname, record.getMessage(), record.exc_info) for record in caplog.records]
    expected = [("DEBUG", "a call has ended before its answer: failed", None)]
    assert lines == (expected if level == logging.DEBUG else [])


def test_another_error_is_reported_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    demote_disconnect_errors()
    report(ValueError("a fault"))
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
