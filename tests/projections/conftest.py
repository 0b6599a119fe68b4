"""Fixtures for the tests of projections."""

from collections.abc import Iterator

import pytest
from tests.projections.installed_samples import install_samples

from ordertrail_server.projections.orders import snapshots


@pytest.fixture(autouse=True, scope="package")
def sample_projections() -> Iterator[None]:
    """Install the sample projections."""
    with install_samples():
        yield


@pytest.fixture(scope="module")
def frequent_snapshots() -> Iterator[None]:
    """Store a snapshot at every second version, because most orders of these tests are short."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, "INTERVAL", 2)
        yield
