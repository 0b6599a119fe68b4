"""People are told when what they read is old."""

from time import time_ns

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.cli.command_line import CommandLine

from ordertrail_server.cli.age import ago, say_if_old
from ordertrail_server.orders.times import moment

SECOND = 1_000_000_000


def test_an_answer_of_a_server_that_sees_its_log_says_nothing_of_its_age(ordertrail: CommandLine) -> None:
    ended = ordertrail.run("orders", "--json")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_an_old_answer_is_said_to_be_old_once(capsys: pytest.CaptureFixture[str]) -> None:
    say, old = say_if_old(), moment(time_ns() - 200 * SECOND)
    say(old)
    say(old)
    [said] = capsys.readouterr().err.splitlines()
    assert said.startswith("As of 20")
    assert said.endswith("Z, 3 minutes ago: the server has not seen the log's end since.")


def test_neither_a_fresh_answer_nor_one_without_a_time_is_remarked_on(capsys: pytest.CaptureFixture[str]) -> None:
    say = say_if_old()
    for current_at in (moment(time_ns()), moment(time_ns() - 5 * SECOND), moment(time_ns() + 60 * SECOND), Timestamp()):
        say(current_at)
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
    assert ago(seconds) == said
