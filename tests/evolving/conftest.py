from pathlib import Path

import pytest
from tests.evolving.checkout import Checkout, check_out
from tests.evolving.walk import Walker


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The next release: a checkout in which all of docs/changing-events.md was done. OrderPlaced is at version 4."""
    folder: Path = tmp_path_factory.mktemp("grown")
    checkout = check_out(folder / "checkout")
    walker = Walker(checkout, folder / "data")
    try:
        walker.walk()
    finally:
        walker.close()
    return checkout
