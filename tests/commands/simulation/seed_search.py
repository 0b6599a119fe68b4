"""Searches for a seed whose run breaks a promise."""

import asyncio
import os
from pathlib import Path
from time import monotonic

from tests.commands.simulation.promise_check import run_and_check
from tests.commands.simulation.scenario import Scenario, ServerFailed, Violation

SEEDS = 6_000
SECONDS = 60.0
NOWHERE = Path(os.devnull)


def breaks_a_promise(seed: int) -> bool:
    """Return whether the run of a seed breaks a promise. Raises ServerFailed."""
    try:
        asyncio.run(run_and_check(Scenario.from_seed(seed), NOWHERE))
    except Violation:
        return True
    return False


def first_seed_that_breaks_a_promise() -> int:
    """Return the first seed whose run breaks a promise. A run in which a server failed by itself does not count.

    Raises AssertionError if there is none within SEEDS runs or SECONDS.
    """
    start, failures = monotonic(), list[str]()
    for seed in range(SEEDS):
        try:
            if breaks_a_promise(seed):
                return seed
        except ServerFailed as failed:
            failures.append(f"{failed}: {failed.__cause__!r}")
        if monotonic() - start > SECONDS:
            break
    raise AssertionError(f"no promise was broken by {seed + 1} runs; servers failed in {len(failures)}: {failures[:1]}")
