"""A small tree of Python files."""

from pathlib import Path

import pytest
from tests.definitions.package_tree import PackageTree


@pytest.fixture
def tree(tmp_path: Path) -> PackageTree:
    return PackageTree(tmp_path)
