"""Proves that the model detects defects: each mutant breaks the guarantee that it is expected to break."""

import pytest
from tests.commands.model.attempt import Attempt
from tests.commands.model.exploration import explore
from tests.commands.model.fold import Fold
from tests.commands.model.mutants import DESIGN_MUTANTS, DesignMutant
from tests.commands.model.server import Server
from tests.commands.simulation.mutant import Defect
from tests.commands.simulation.scenario import Violation

# Here decisions depend on the order only, so a mutant is not detected just because a server changes its mind.
CONFIRM, PLACE = Attempt("confirm", "a", True, range(1, 9)), Attempt("place", "b", True, range(1))
OTHER_PLACE = Attempt("other", "c", False, range(1))
# A digest leaves out the expected version, so a call with the same digest may be allowed elsewhere.
REPETITION = CONFIRM._replace(is_submitted=False, accepted_at=range(9))
REUSE = REPETITION._replace(body="another")


def find_violation(repetition: Attempt) -> str:
    """Return the text of the nearest violation, the empty text if there is none."""
    attempts = (CONFIRM, PLACE, repetition, OTHER_PLACE)
    try:
        explore([Server(attempts), Server(attempts, is_previous_release=True)], 3)
    except Violation as violation:
        return str(violation)
    return ""


@pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.name) for mutant in DESIGN_MUTANTS])
def test_mutant_breaks_its_guarantee(monkeypatch: pytest.MonkeyPatch, mutant: DesignMutant) -> None:
    mutant.defect.plant(monkeypatch)
    assert (find_violation(REPETITION) or find_violation(REUSE)) == mutant.violation


def test_design_meets_guarantees_where_mutants_break_them() -> None:
    assert find_violation(REPETITION) == find_violation(REUSE) == ""


def test_mutant_without_target_cannot_be_planted(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AttributeError, match="no_such_method"):
        Defect(Fold, "no_such_method", lambda original: original).plant(monkeypatch)
