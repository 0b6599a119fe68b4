"""The chain rule under fire: whatever happens to servers and brokers, every receipt and every refusal is true.

Its rounds take three minutes, or ORDERTRAIL_CHAOS_MINUTES; `python -m tests.chaos` goes on for hours.
"""

import os
from collections import Counter
from pathlib import Path
from random import SystemRandom
from time import monotonic

import pytest
from tests.chaos.rounds import Plan, run

MINUTES = float(os.environ.get("ORDERTRAIL_CHAOS_MINUTES", "3"))
# Cluster, servers and the last round take their time beside the minutes themselves.
BESIDE_S = 300


async def _unbroken(plan: Plan, directory: Path, minutes: float) -> Counter[str]:
    """Play rounds until the time is over, and return what happened in all of them."""
    counts: Counter[str] = Counter()
    print(plan)
    async with run(plan, directory) as running:
        until = monotonic() + 60 * minutes
        while not counts or monotonic() < until:
            outcome = await running.round()
            print(outcome)
            assert outcome.broken == [], f"{plan}, evidence in {directory}"
            counts += outcome.counts
    return counts


@pytest.mark.timeout(60 * MINUTES + BESIDE_S)
@pytest.mark.usefixtures("kafka")
@pytest.mark.parametrize(("brokers", "share"), [(1, 0.75), (3, 0.25)])
async def test_no_receipt_and_no_refusal_lies_whatever_happens_to_servers_and_brokers(
    tmp_path: Path, brokers: int, share: float
) -> None:
    plan = Plan(SystemRandom().randrange(1_000_000), brokers=brokers)
    counts = await _unbroken(plan, tmp_path, MINUTES * share)
    harm = sum(count for name, count in counts.items() if name.startswith(("servers", "brokers")))
    assert min(harm, counts["acknowledged"], counts["refused"], counts["unknown"]) > 0, f"nothing was tried: {counts}"
