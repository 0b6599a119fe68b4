"""Fixtures for the tests of projections."""

from collections.abc import Iterator

import pytest
from tests.projections.installed_samples import install_samples


@pytest.fixture(autouse=True, scope="package")
def sample_projections() -> Iterator[None]:
    """Install the sample projections."""
    with install_samples():
        yield
