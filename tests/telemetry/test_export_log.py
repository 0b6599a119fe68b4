"""A receiver that fails is logged, but not again and again."""

import logging

import pytest

from ordertrail_server.telemetry.export_log import OneLineEachMinute


def test_repeated_failures_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tests.telemetry.exporter")
    logger.addFilter(OneLineEachMinute())
    for number in range(3):
        logger.warning("no receiver: %s", number)
    assert caplog.messages == ["no receiver: 0"]
