import asyncio

import pytest
from tests.e2e.damage.base_directory import Base, build_base


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """Data directories with many orders, and the answers of a server to requests about them."""
    return asyncio.run(build_base(tmp_path_factory.mktemp("base")))
