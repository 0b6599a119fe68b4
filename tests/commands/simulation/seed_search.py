"""Searches for a seed whose run violates a guarantee."""

import asyncio
import os
from pathlib import Path
from time import monotonic

from tests.commands.simulation.guarantee_check import run_and_check
from tests.commands.simulation.scenario import Scenario, ServerFailed, Violation

SEEDS = 6_000
SECONDS = 60.0
NOWHERE = Path(os.devnull)


def violates_guarantee(seed: int) -> bool:
    """Return whether the run of a seed violates a guarantee. Raises ServerFailed."""
    try:
        asyncio.run(run_and_check(Scenario.from_seed(seed), NOWHERE))
    except Violation:
        return True
    return False


def find_violating_seed() -> int:
    """Return the first seed whose run violates a guarantee. A run in which a server failed by itself does not count.

    Raises AssertionError if there is none within SEEDS runs or SECONDS.
    """
    start, failures = monotonic(), list[str]()
    for seed in range(SEEDS):
        try:
            if violates_guarantee(seed):
                return seed
        except ServerFailed as failed:
            failures.append(f"{failed}: {failed.__cause__!r}")
        if monotonic() - start > SECONDS:
            break
    raise AssertionError(f"{seed + 1} runs violated no guarantee; servers failed in {len(failures)}: {failures[:1]}")
