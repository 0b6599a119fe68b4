"""Fixtures for the tests of projections."""

from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a read model that does not exist yet."""
    return tmp_path / "model.sqlite"
