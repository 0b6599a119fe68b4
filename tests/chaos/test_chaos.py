"""The chain rule under faults: whatever happens to servers and brokers, every receipt and every refusal is true.

This includes the outcomes of submitted commands, which never change.

`python -m tests.chaos` plays rounds for hours.
"""

from collections import Counter
from pathlib import Path
from random import SystemRandom

import pytest
from tests.chaos.run import Plan, start_run
from tests.trials import choose_size

ROUND_TIMEOUT_S = 120
# The cluster and the servers start first.
START_TIMEOUT_S = 300


async def _play_rounds(plan: Plan, directory: Path, rounds: int) -> Counter[str]:
    """Play rounds, in which no guarantee may be violated, and return how often each fault and answer occurred."""
    counts: Counter[str] = Counter()
    print(plan)
    async with start_run(plan, directory) as run:
        for _ in range(rounds):
            outcome = await run.play_round()
            print(outcome)
            assert outcome.broken == [], f"{plan}, evidence in {directory}"
            counts += outcome.counts
    return counts


@pytest.mark.trial
@pytest.mark.timeout(START_TIMEOUT_S + ROUND_TIMEOUT_S * choose_size(1, 2, 60))
@pytest.mark.usefixtures("kafka")
@pytest.mark.parametrize(("brokers", "rounds"), [(1, choose_size(1, 2, 60)), (3, choose_size(1, 1, 20))])
async def test_every_receipt_and_refusal_is_true_under_faults_of_servers_and_brokers(
    tmp_path: Path, brokers: int, rounds: int
) -> None:
    plan = Plan(SystemRandom().randrange(1_000_000), brokers=brokers)
    counts = await _play_rounds(plan, tmp_path, rounds)
    faults = sum(count for name, count in counts.items() if name.startswith(("servers", "brokers")))
    answers = ("acknowledged", "refused", "unknown", "submitted", "accepted later", "refused later")
    assert min(faults, *(counts[answer] for answer in answers)) > 0, f"nothing happened: {counts}"
