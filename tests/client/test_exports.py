from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import pytest

import ordertrail

CONTRACT_PACKAGES = {"v1", "events", "log", "evolve"}  # the packages of the contract
MODULES = [module.name for module in iter_modules(ordertrail.__path__) if module.name not in CONTRACT_PACKAGES]


def list_definitions(module: ModuleType) -> set[str]:
    """Return the public functions and classes that the module defines itself."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__
    }


def test_modules_include_the_public_ones() -> None:
    assert {"client", "errors", "values", "commands"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_exported_names_exist_and_are_sorted(name: str) -> None:
    module = import_module(f"ordertrail.{name}")
    assert all(hasattr(module, exported) for exported in module.__all__)
    assert list(module.__all__) == sorted(module.__all__)


@pytest.mark.parametrize("name", ["client", "errors", "values", "commands", "query_conditions"])
def test_public_module_exports_all_its_definitions(name: str) -> None:
    module = import_module(f"ordertrail.{name}")
    assert list_definitions(module) <= set(module.__all__)


def test_package_init_imports_nothing() -> None:
    assert {name for name in vars(ordertrail) if not name.startswith("__")} <= CONTRACT_PACKAGES | set(MODULES)
