"""People are told when what they read is old."""

import subprocess
import sys
from datetime import timedelta

import pytest
from tests.cli.command_line import CommandLine

from ordertrail_server.cli.age_warning import create_age_warning, describe_age

# A machine whose clock is off by so many seconds. time.time stays: gRPC compares it with the clock of its own core.
CLOCK_OFF = """
import sys, time
off, now_ns = int(sys.argv.pop(1)) * 1_000_000_000, time.time_ns
time.time_ns = lambda: now_ns() + off
from ordertrail.entry_point import main
main()
"""


@pytest.mark.parametrize("off", [0, 3_600, -3_600])
def test_an_answer_of_a_server_that_sees_its_log_is_not_called_old(ordertrail: CommandLine, off: int) -> None:
    ordertrail.lines("produce", "1", "--life", "0")
    [order] = ordertrail.lines("orders", "--limit", "1")[:1]
    for args in (["orders", "--all", "--json"], ["history", order["orderId"], "--json"]):
        command = [sys.executable, "-c", CLOCK_OFF, str(off), *args]
        ended = subprocess.run(command, env=ordertrail.environment, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")


def test_an_old_answer_is_said_to_be_old_once(capsys: pytest.CaptureFixture[str]) -> None:
    say = create_age_warning()
    for seconds in (200, 201):
        say(timedelta(seconds=seconds))
    assert capsys.readouterr().err == "The answer may be stale: the server last saw the end of the log 3 minutes ago.\n"


def test_a_fresh_answer_is_not_remarked_on(capsys: pytest.CaptureFixture[str]) -> None:
    say = create_age_warning()
    for seconds in (0, 0.5, 10):
        say(timedelta(seconds=seconds))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "1 second ago"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (7_199, "1 hour ago"),
        (172_800, "2 days ago"),
    ],
)
def test_an_age_is_told_in_the_largest_unit_that_fits(seconds: int, said: str) -> None:
    assert describe_age(seconds) == said
