"""The steps of docs/changing-events.md work. The fixture `next_release` is their result."""

import re
from shutil import copytree, ignore_patterns

import pytest
from tests.evolving.checkout import ROOT, Checkout


def test_steps_of_the_page_work_and_change_no_other_python(next_release: Checkout) -> None:
    assert next_release.changed_code == {"orders/decide.py", "orders/evolve.py", "schema/v2.py", "schema/v5.py"}


@pytest.mark.trial
def test_tests_of_stored_events_pass_after_the_change(next_release: Checkout) -> None:
    copytree(ROOT / "tests", next_release.root / "tests", ignore=ignore_patterns("__pycache__"))
    chosen = ["tests/schema", "--ignore=tests/schema/hops"]  # hops are tested on separate trees
    output = next_release.runs("python", "-m", "pytest", *chosen, "-q", "-x", "-p", "no:cacheprovider")
    assert re.fullmatch(r"\d+ passed(, \d+ skipped)? in .*", output.splitlines()[-1]), output
