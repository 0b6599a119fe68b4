from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import pytest

import ordertrail

TAKEN = {"v1", "events", "log", "evolve"}  # the packages of the contract
MODULES = [module.name for module in iter_modules(ordertrail.__path__) if module.name not in TAKEN]


def defined_in(module: ModuleType) -> set[str]:
    """The public functions and classes that the module defines itself."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__
    }


def test_there_are_hand_written_modules() -> None:
    assert {"client", "errors", "values", "commands"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_all_that_a_module_exports_is_there_and_sorted(name: str) -> None:
    module = import_module(f"ordertrail.{name}")
    assert all(hasattr(module, exported) for exported in module.__all__)
    assert list(module.__all__) == sorted(module.__all__)


@pytest.mark.parametrize("name", ["client", "errors", "values", "commands", "questions"])
def test_all_that_a_public_module_defines_is_exported(name: str) -> None:
    module = import_module(f"ordertrail.{name}")
    assert defined_in(module) <= set(module.__all__)


def test_the_package_itself_is_a_docstring_and_imports_nothing() -> None:
    assert {name for name in vars(ordertrail) if not name.startswith("__")} <= TAKEN | set(MODULES)
