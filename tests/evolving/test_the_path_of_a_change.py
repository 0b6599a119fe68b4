"""docs/changing-events.md goes as it is shown; what it leads to is the fixture `grown`."""

from tests.evolving.checkout import ROOT, Checkout


def test_the_page_goes_as_it_is_shown_and_touches_no_python_but_what_behaves(grown: Checkout) -> None:
    def python(root: object) -> dict[str, bytes]:
        files = (grown.root / "server" if root is grown else ROOT / "server").rglob("*.py")
        return {path.as_posix().partition("/server/ordertrail_server/")[2]: path.read_bytes() for path in files}

    before, after = python(ROOT), python(grown)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed == {"orders/decide.py", "orders/evolve.py"}
