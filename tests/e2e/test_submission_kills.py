"""A server that decides submitted commands is killed at random moments."""

import pytest
from tests.e2e.reference_fold import fold_directory
from tests.e2e.running_server import RunningServer
from tests.e2e.submission_load import assert_nothing_is_lost, run_rounds
from tests.trials import choose_size

ROUNDS = choose_size(2, 12, 1000)


@pytest.mark.sampled
@pytest.mark.timeout(120 + 20 * ROUNDS)
async def test_submissions_survive_every_kill_of_their_server(server: RunningServer) -> None:
    observations = await run_rounds([server.start()], ROUNDS)
    assert server.stop() == 0
    assert_nothing_is_lost(observations, await fold_directory(server.data))
