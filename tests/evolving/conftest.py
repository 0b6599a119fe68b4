from pathlib import Path

import pytest
from tests.evolving.checkout import Checkout, check_out
from tests.evolving.guide_runner import GuideRunner


@pytest.fixture(scope="session")
def next_release(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The next release: a checkout after all steps of docs/changing-events.md. OrderPlaced is at version 4."""
    folder: Path = tmp_path_factory.mktemp("next_release")
    checkout = check_out(folder / "checkout")
    runner = GuideRunner(checkout, folder / "data")
    try:
        runner.run_guide()
    finally:
        runner.close()
    return checkout
