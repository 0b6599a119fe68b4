"""The limit on how long a starting server waits for its brokers."""

import pytest

from ordertrail_server.log.kafka.broker_wait import CONNECT_SECONDS, FIRST_ATTEMPT_SECONDS, BrokerWait
from ordertrail_server.log.port import LogUnavailable

AWAY = LogUnavailable("no broker answers")


@pytest.mark.parametrize("seconds", [0.0, 3.0, 86_400.0])
def test_first_attempt_is_always_allowed_and_short(seconds: float) -> None:
    assert BrokerWait(seconds).next_timeout() == FIRST_ATTEMPT_SECONDS


def test_later_attempt_is_limited_to_the_remaining_wait() -> None:
    wait = BrokerWait(3.0)
    wait.check_deadline(AWAY)
    assert wait.next_timeout() <= 3.0


def test_later_attempt_of_a_long_wait_has_the_usual_limit() -> None:
    wait = BrokerWait(86_400.0)
    wait.check_deadline(AWAY)
    assert wait.next_timeout() == CONNECT_SECONDS


@pytest.mark.parametrize("seconds", [0.0, FIRST_ATTEMPT_SECONDS / 2])
def test_wait_ends_without_time_for_another_attempt(seconds: float) -> None:
    with pytest.raises(LogUnavailable, match="no broker answers"):
        BrokerWait(seconds).check_deadline(AWAY)


def test_wait_is_logged_with_its_cause_at_intervals(caplog: pytest.LogCaptureFixture) -> None:
    wait = BrokerWait(86_400.0)
    wait.check_deadline(AWAY)
    wait.check_deadline(AWAY)
    assert caplog.messages == ["waiting for the brokers, for at most 86400 s: no broker answers"]
