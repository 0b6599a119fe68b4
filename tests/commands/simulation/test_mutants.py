"""The simulation has teeth: each of fourteen defects that the chain rule's model check names, and one more, breaks
a promise."""

import asyncio
import os
from functools import cache
from pathlib import Path
from time import monotonic

import pytest
from tests.commands.simulation.mutants import MUTANTS, Mutant
from tests.commands.simulation.promises import run_and_check
from tests.commands.simulation.shape import Shape, Violation
from tests.commands.simulation.write_path import WritePath, source_of, with_defect

SEEDS = 6_000
SECONDS = 60.0
NOWHERE = Path(os.devnull)

mutants = pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.name) for mutant in MUTANTS])


def keeps_every_promise(path: WritePath, seed: int) -> bool:
    try:
        asyncio.run(run_and_check(Shape.of(seed), path, NOWHERE))
    except Violation:
        return False
    return True


@cache
def today_keeps_every_promise(seed: int) -> bool:
    return keeps_every_promise(WritePath(), seed)


def first_seed_that_catches(mutant: Mutant) -> int:
    path, began = with_defect(mutant.module, mutant.original, mutant.replacement), monotonic()
    for seed in range(SEEDS):
        if not keeps_every_promise(path, seed):
            return seed
        if monotonic() - began > SECONDS:
            break
    pytest.fail(f"{mutant.name}: not caught by {seed + 1} runs")


def test_there_are_fourteen_and_one() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == 15


@mutants
def test_the_text_that_a_mutant_replaces_stands_once_in_the_source_of_today(mutant: Mutant) -> None:
    assert source_of(mutant.module).count(mutant.original) == 1


@mutants
def test_a_mutant_is_caught_by_a_run_that_the_write_path_of_today_passes(mutant: Mutant) -> None:
    seed = first_seed_that_catches(mutant)
    assert all(today_keeps_every_promise(each) for each in range(seed + 1))
