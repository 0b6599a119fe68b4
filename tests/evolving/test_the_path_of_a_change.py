"""docs/changing-events.md goes as it is shown; what it leads to is the fixture `grown`."""

import re
from shutil import copytree, ignore_patterns

from tests.evolving.checkout import ROOT, Checkout


def test_the_page_goes_as_it_is_shown_and_touches_no_other_python(grown: Checkout) -> None:
    assert grown.changed_code == {"orders/decide.py", "orders/evolve.py", "schema/v2.py", "schema/v5.py"}


def test_the_tests_of_what_is_stored_go_on_to_pass_after_it(grown: Checkout) -> None:
    copytree(ROOT / "tests", grown.root / "tests", ignore=ignore_patterns("__pycache__"))
    chosen = ["tests/schema", "--ignore=tests/schema/hops"]  # the hops are tested on trees of their own
    printed = grown.runs("python", "-m", "pytest", *chosen, "-q", "-x", "-p", "no:cacheprovider")
    assert re.fullmatch(r"\d+ passed(, \d+ skipped)? in .*", printed.splitlines()[-1]), printed
