"""A definition covers each module that code can reach by its imports, by whatever path, up to libraries."""

import pytest
from tests.definitions.package_tree import PackageTree

IMPORTS = {
    "import": "import pack.rules",
    "import as": "import pack.rules as rules",
    "from package": "from pack import rules",
    "from package as": "from pack import rules as other",
    "from module": "from pack.rules import RATE",
    "star": "from pack.rules import *",
    "relative module": "from .pack.rules import RATE",
    "relative package": "from .pack import rules",
    "in a function": "def fold():\n    from pack.rules import RATE",
    "in a method": "class Rows:\n    async def fold(self):\n        import pack.rules",
    "optional": "try:\n    import pack.rules\nexcept ImportError:\n    RATE = 0",
    "conditional": "import sys\nif sys.platform == 'linux':\n    from pack import rules",
}


@pytest.mark.parametrize("kind", IMPORTS)
def test_change_in_an_imported_module_is_noticed(tree: PackageTree, kind: str) -> None:
    root, package = ("app.rows", "app/pack") if kind.startswith("relative") else ("app", "pack")
    tree.write(f"{root.replace('.', '/')}.py", IMPORTS[kind])
    tree.write(f"{package}/rules.py", "RATE = 1\n")
    before = tree.digests(root)
    tree.write(f"{package}/rules.py", '"""The rules."""\n\nRATE = 1  # as agreed\n')
    assert tree.digests(root) == before
    tree.write(f"{package}/rules.py", "RATE = 2\n")
    assert tree.digests(root) != before


def test_imports_are_followed_from_module_to_module(tree: PackageTree) -> None:
    tree.write("app.py", "import first")
    tree.write("first/__init__.py", "from . import second")
    tree.write("first/second.py", "from ..last import x\nfrom third import fourth\nimport app")
    tree.write("third/fourth.py", "from .fifth.sixth import x")
    tree.write("third/fifth/sixth.py")
    assert tree.digests("app").keys() == {
        "app",
        "first",
        "first.second",
        "third",
        "third.fourth",
        "third.fifth",
        "third.fifth.sixth",
    }


def test_packages_of_a_module_are_reached_because_its_import_runs_them(tree: PackageTree) -> None:
    tree.write("app.py", "import pack.inner.rules")
    tree.write("pack/__init__.py", "import setup_of_pack")
    tree.write("pack/inner/__init__.py")
    tree.write("pack/inner/rules.py")
    tree.write("setup_of_pack.py")
    assert tree.digests("app").keys() == {"app", "pack", "pack.inner", "pack.inner.rules", "setup_of_pack"}


def test_modules_that_nothing_imports_do_not_count(tree: PackageTree) -> None:
    tree.write("app.py", "from pack import rules")
    tree.write("pack/__init__.py")
    tree.write("pack/rules.py")
    before = tree.digests("app")
    tree.write("pack/supervisor.py", "import time")
    assert tree.digests("app") == before


def test_imports_for_type_checkers_are_not_followed(tree: PackageTree) -> None:
    tree.write("app.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from rules import Rate\n")
    tree.write("rules.py", "Rate = int")
    assert tree.digests("app").keys() == {"app"}


def test_libraries_are_not_followed(tree: PackageTree) -> None:
    tree.write("app.py", "import json, numpy.linalg\nfrom google.protobuf import message\nfrom grpc import aio")
    for library in ("json", "numpy", "google", "grpc"):
        tree.write(f"{library}/__init__.py")
    assert tree.digests("app", libraries=("numpy",)).keys() == {"app"}
    assert tree.digests("app").keys() == {"app", "numpy", "numpy.linalg"}


def test_optional_module_counts_as_soon_as_it_is_installed(tree: PackageTree) -> None:
    tree.write("app.py", "try:\n    import fast\nexcept ImportError:\n    fast = None")
    before = tree.digests("app")
    tree.write("fast.py", "RATE = 1")
    assert tree.digests("app") != before


def test_name_in_a_package_is_a_module_or_a_value(tree: PackageTree) -> None:
    tree.write("app.py", "from pack import RATE, rules")
    tree.write("pack/__init__.py", "RATE = 1")
    tree.write("pack/rules.py")
    assert tree.digests("app").keys() == {"app", "pack", "pack.rules"}


def test_import_from_above_the_top_package_is_not_followed(tree: PackageTree) -> None:
    tree.write("app.py", "def fold():\n    from ..rules import RATE")
    assert tree.digests("app").keys() == {"app"}
