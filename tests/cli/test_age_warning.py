"""Commands warn about a stale answer."""

import subprocess
import sys
from datetime import timedelta

import pytest
from tests.cli.command_line import CommandLine

from ordertrail_server.cli.age_warning import create_age_warning, describe_age

# A machine whose clock is off by so many seconds. time.time is not patched: gRPC compares it with its own clock.
CLOCK_OFF = """
import sys, time
off, now_ns = int(sys.argv.pop(1)) * 1_000_000_000, time.time_ns
time.time_ns = lambda: now_ns() + off
from ordertrail.entry_point import main
main()
"""


@pytest.mark.parametrize("offset_seconds", [0, 3_600, -3_600])
def test_answer_of_current_server_is_not_stale_with_a_wrong_clock(ordertrail: CommandLine, offset_seconds: int) -> None:
    ordertrail.record("produce", "1", "--life", "0")
    [order] = ordertrail.lines("orders", "--limit", "1")[:1]
    for args in (["orders", "--all", "--json"], ["history", order["orderId"], "--json"]):
        command = [sys.executable, "-c", CLOCK_OFF, str(offset_seconds), *args]
        result = subprocess.run(command, env=ordertrail.environment, capture_output=True, text=True, check=False)
        assert (result.returncode, result.stderr) == (0, "")


def test_stale_answer_is_reported_once(capsys: pytest.CaptureFixture[str]) -> None:
    warn = create_age_warning()
    for seconds in (200, 201):
        warn(timedelta(seconds=seconds))
    assert capsys.readouterr().err == "The answer may be stale: the server last saw the end of the log 3 minutes ago.\n"


def test_current_answer_is_not_reported(capsys: pytest.CaptureFixture[str]) -> None:
    warn = create_age_warning()
    for seconds in (0, 0.5, 10):
        warn(timedelta(seconds=seconds))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1 second ago"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (7_199, "1 hour ago"),
        (172_800, "2 days ago"),
    ],
)
def test_age_has_the_largest_unit_that_fits(seconds: int, text: str) -> None:
    assert describe_age(seconds) == text
