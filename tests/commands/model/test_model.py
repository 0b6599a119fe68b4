"""The design of submitted commands meets its guarantees in every state that the model reaches."""

import pytest
from tests.commands.model.attempt import Attempt
from tests.commands.model.commands import FIRST, OTHER_CALL, SECOND, SHARING
from tests.commands.model.exploration import explore, explore_logs
from tests.commands.model.server import Server
from tests.trials import choose_size

EACH_SHARING = pytest.mark.parametrize("attempt", [pytest.param(attempt, id=name) for name, attempt in SHARING.items()])
EACH_RELEASE = pytest.mark.parametrize("has_previous", [False, True], ids=["this release", "with previous release"])


def count_states(attempts: tuple[Attempt, ...], has_previous: bool, max_log: int) -> int:
    server = Server(attempts)
    return len(explore([server, Server(attempts, is_previous_release=True) if has_previous else server], max_log))


@EACH_RELEASE
@EACH_SHARING
def test_two_servers_meet_every_guarantee(attempt: Attempt, has_previous: bool) -> None:
    assert count_states((FIRST, SECOND, attempt), has_previous, 4) > 2_900


@EACH_RELEASE
@EACH_SHARING
def test_two_servers_meet_every_guarantee_beside_another_call(attempt: Attempt, has_previous: bool) -> None:
    assert count_states((FIRST, SECOND, attempt, OTHER_CALL), has_previous, 3) > 1_600


@EACH_SHARING
def test_any_number_of_servers_meets_every_guarantee(attempt: Attempt) -> None:
    assert len(explore_logs(Server((FIRST, SECOND, attempt, OTHER_CALL)), 4)) > 800


@pytest.mark.trial
@EACH_RELEASE
@EACH_SHARING
def test_two_servers_meet_every_guarantee_on_longer_logs(attempt: Attempt, has_previous: bool) -> None:
    assert count_states((FIRST, SECOND, attempt, OTHER_CALL), has_previous, choose_size(4, 4, 5)) > 16_000


@pytest.mark.trial
@EACH_SHARING
def test_any_number_of_servers_meets_every_guarantee_on_longer_logs(attempt: Attempt) -> None:
    assert len(explore_logs(Server((FIRST, SECOND, attempt, OTHER_CALL)), choose_size(5, 5, 6))) > 6_000


@EACH_SHARING
def test_two_servers_can_write_every_log_that_more_servers_can_write(attempt: Attempt) -> None:
    server = Server((FIRST, SECOND, attempt))
    logs = {state.log.records for state in explore([server, server], 3)}
    assert logs == {log.records for log in explore_logs(server, 3)}


@EACH_SHARING
def test_no_record_is_a_link_twice(attempt: Attempt) -> None:
    for log in explore_logs(Server((FIRST, SECOND, attempt, OTHER_CALL)), 3):
        links = log.fold.links
        assert len(links) == len(set(links))
