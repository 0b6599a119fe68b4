"""Proves that the simulation detects defects: each mutant of the write path violates a guarantee in some run.

The real write path meets every guarantee in the same runs. A server that fails by itself does not count.
"""

from functools import cache

import pytest
from tests.commands.simulation.chain_mutants import CHAIN_MUTANTS
from tests.commands.simulation.mutant import Defect, Mutant
from tests.commands.simulation.projection_mutants import PROJECTION_MUTANTS
from tests.commands.simulation.scenario import ServerFailed
from tests.commands.simulation.seed_search import find_violating_seed, violates_guarantee

from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.batch_plan import BatchPlan
from ordertrail_server.commands.writer import Writer

MUTANTS = [*CHAIN_MUTANTS, *PROJECTION_MUTANTS]


@cache
def real_write_path_meets_guarantees(seed: int) -> bool:
    return not violates_guarantee(seed)


def test_catalogs_have_fifteen_and_twelve_mutants() -> None:
    names = [{mutant.name for mutant in catalog} for catalog in (CHAIN_MUTANTS, PROJECTION_MUTANTS)]
    assert list(map(len, names)) == [15, 12]


@pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.name) for mutant in MUTANTS])
def test_mutant_fails_a_run_that_the_real_write_path_passes(mutant: Mutant) -> None:
    with pytest.MonkeyPatch.context() as patch:
        mutant.defect.plant(patch)
        seed = find_violating_seed()
    assert all(real_write_path_meets_guarantees(earlier_seed) for earlier_seed in range(seed + 1))


def test_mutant_without_target_cannot_be_planted(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AttributeError, match="no_such_method"):
        Defect(Writer, "no_such_method", lambda original: original).plant(monkeypatch)


async def end_by_defect(self: Writer) -> None:
    raise AttributeError("no such method")


def decide_by_defect(self: BatchPlan, attempt: Attempt) -> None:
    raise AttributeError("no such method")


@pytest.mark.parametrize(
    ("owner", "method", "fault"),
    [
        pytest.param(Writer, "run", end_by_defect, id="writer ends"),
        pytest.param(BatchPlan, "add", decide_by_defect, id="command is answered INTERNAL"),
    ],
)
def test_failing_server_does_not_count_as_broken_guarantee(
    monkeypatch: pytest.MonkeyPatch, owner: type, method: str, fault: object
) -> None:
    Defect(owner, method, lambda original: fault).plant(monkeypatch)
    with pytest.raises(ServerFailed):
        violates_guarantee(0)
