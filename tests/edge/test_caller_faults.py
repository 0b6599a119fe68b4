"""The library's report about a fault of a caller is one line at DEBUG. Its other reports do not change."""

import logging

import grpc
import pytest

from ordertrail_server.edge.caller_faults import LIBRARY_LOGGER, demote_caller_faults


class BatchFailed(grpc.aio.InternalError):
    """Like the private class that the library raises."""


def report(error: Exception) -> None:
    try:
        raise error
    except Exception:
        logging.getLogger(LIBRARY_LOGGER).exception("raised by servicer method")


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
@pytest.mark.parametrize(
    ("error", "line"),
    [
        (BatchFailed("failed"), "a caller disconnected before the answer: failed"),
        (
            UnicodeDecodeError("utf-8", b"\xff", 0, 1, "wrong"),
            "a caller sent metadata that is not UTF-8: 'utf-8' codec",
        ),
    ],
)
def test_fault_of_a_caller_is_logged_as_one_line_at_debug(
    caplog: pytest.LogCaptureFixture, level: int, error: Exception, line: str
) -> None:
    demote_caller_faults()
    with caplog.at_level(level):
        report(error)
    if level == logging.INFO:
        assert caplog.records == []
        return
    [record] = caplog.records
    assert (record.levelname, record.exc_info) == ("DEBUG", None)
    assert record.getMessage().startswith(line)


def test_other_error_is_logged_with_traceback(caplog: pytest.LogCaptureFixture) -> None:
    demote_caller_faults()
    report(ValueError("a fault"))
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
