"""Folders show the architecture: imports run along a command's way, never back."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "server" / "ordertrail_server"
CLIENT = ROOT / "client" / "ordertrail"

# Which packages a package may import. Chain and placement are pure rules, which the log's adapters may know.
ARROWS = {
    "access": {"orders", "storage"},
    "admin": {
        "access",
        "commands",
        "edge",
        "history",
        "log",
        "orders",
        "projections",
        "submissions",
        "subscriptions",
        "webhooks",
    },
    "edge": {
        "access",
        "logs",
        "submissions",
        "subscriptions",
        "webhooks",
        "commands",
        "history",
        "projections",
        "orders",
        "schema",
        "log",
        "storage",
        "telemetry",
    },
    "doctor": {"access", "edge", "orders", "schema", "log", "storage"},
    "commands": {"access", "facts", "logs", "projections", "orders", "schema", "log", "storage", "telemetry"},
    "submissions": {
        "access",
        "commands",
        "facts",
        "history",
        "logs",
        "orders",
        "schema",
        "log",
        "storage",
        "telemetry",
    },
    "facts": {"orders", "schema", "log"},
    "orders": set[str](),
    "schema": {"access", "orders"},
    "log": {"orders", "storage"},
    "projections": {"facts", "definitions", "orders", "schema", "log", "storage", "telemetry"},
    "history": {"access", "orders", "log", "schema", "storage"},
    "subscriptions": {"access", "history", "orders", "log", "schema", "storage"},
    "webhooks": {"access", "subscriptions", "history", "orders", "log", "schema", "storage", "telemetry"},
    "export": {"projections", "orders", "schema", "log", "storage"},
    "backup": {"facts", "subscriptions", "orders", "log", "storage"},
    "storage": set[str](),
    "telemetry": set[str](),
    "definitions": {"schema"},
    "authoring": {"schema"},
    "logs": set[str](),
}
# The modules beside the packages that every package may import; they import nothing of the server.
SHARED_MODULES = {"operator_error", "garbage_collector"}
CONTRACT_OF_ORDERS = ("ordertrail.v1",)
NOT_PURE = {"asyncio", "grpc", "confluent_kafka", "sqlite3", "pysqlite3", "random", "time", "secrets", "uuid", "os"}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _files(package: str) -> list[Path]:
    return sorted((SERVER / package).rglob("*.py"))


@pytest.mark.parametrize("package", ARROWS)
def test_package_imports_only_the_packages_of_its_arrows(package: str) -> None:
    for path in _files(package):
        for name in _imports(path):
            if name.startswith("ordertrail_server."):
                assert name.split(".")[1] in ARROWS[package] | {package} | SHARED_MODULES, f"{path} imports {name}"


def test_shared_modules_import_nothing_of_the_server() -> None:
    for module in SHARED_MODULES:
        assert [name for name in _imports(SERVER / f"{module}.py") if name.startswith("ordertrail")] == []


def test_every_package_has_arrows() -> None:
    packages = {path.relative_to(SERVER).parts[0] for path in SERVER.glob("*/**/*.py")}
    assert packages == ARROWS.keys() | {"cli"}


def test_orders_package_is_pure() -> None:
    for path in _files("orders"):
        for name in _imports(path):
            top = name.split(".")[0]
            assert top not in NOT_PURE, f"{path} imports {name}"
            if top == "ordertrail":
                assert name.startswith(CONTRACT_OF_ORDERS), f"{path} imports {name}"


def test_client_does_not_import_the_server() -> None:
    for path in CLIENT.rglob("*.py"):
        assert path.name == "entry_point.py" or not any(n.startswith("ordertrail_server") for n in _imports(path)), path


def test_only_schema_imports_stored_events() -> None:
    """A new stored version touches neither the domain nor the read side."""
    for path in SERVER.rglob("*.py"):
        if SERVER / "schema" not in path.parents and "ordertrail.events" in path.read_text():
            raise AssertionError(f"{path} knows stored events; ask schema instead")
