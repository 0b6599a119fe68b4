"""docs/changing-events.md goes as it is shown; what it leads to is the fixture `grown`."""

from tests.evolving.checkout import Checkout


def test_the_page_goes_as_it_is_shown_and_touches_no_python_but_what_behaves(grown: Checkout) -> None:
    assert grown.changed_code == {"orders/decide.py", "orders/evolve.py"}
