"""The libraries that a definition leaves out are those that Ordertrail imports, and no others."""

import ast
from pathlib import Path

import pytest

from ordertrail_server.definitions.import_list import list_imports
from ordertrail_server.definitions.library import LIBRARIES, is_library

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for part in ("server", "client/ordertrail") for path in (ROOT / part).rglob("*.py")]
OWN = {"ordertrail", "ordertrail_server"}


def imported_packages() -> set[str]:
    imports = {text for path in SOURCES for text in list_imports(ast.parse(path.read_bytes()))}
    return {text.partition(":")[0].partition(".")[0] for text in imports}


def test_libraries_are_the_packages_that_ordertrail_imports() -> None:
    packages = imported_packages() - OWN
    assert {package for package in packages if not is_library(package)} == set()
    assert packages >= LIBRARIES


@pytest.mark.parametrize("module", ["json", "collections.abc", "google.protobuf.message", "sqlite3", "extra.part"])
def test_modules_of_libraries_are_recognized_by_their_package(module: str) -> None:
    assert is_library(module, ("extra",))


@pytest.mark.parametrize("module", ["ordertrail.v1.order_pb2", "ordertrail_server.schema", "json_rules", "extra"])
def test_other_modules_are_no_library(module: str) -> None:
    assert not is_library(module)
