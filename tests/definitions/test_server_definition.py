"""The definition over the server's own modules: it changes with each rule, and with nothing that has no effect."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.definitions.source_changes import changed_sources

from ordertrail_server.definitions.definition import READING, DefinitionReader
from ordertrail_server.definitions.module_finder import ModuleFinder
from ordertrail_server.definitions.reached_modules import ReachedModules
from ordertrail_server.definitions.source_error import SourceUnavailable
from ordertrail_server.definitions.summary import summarize
from ordertrail_server.definitions.summary_cache import SummaryCache
from ordertrail_server.projections.definition import ENGINE, projection_module

ROOT = Path(__file__).resolve().parents[2]
MODULES = (ENGINE, projection_module("history"))
REACHED = ReachedModules(ModuleFinder(), SummaryCache(None), ()).digests((*READING, *MODULES))
SERVER_MODULES = sorted(name for name, digest in REACHED.items() if digest and name.startswith("ordertrail_server."))
PROGRAM = """
import sys
from pathlib import Path
from ordertrail_server.definitions.definition import DefinitionReader
definition = DefinitionReader(cache_directory=Path(sys.argv[1])).read()
print(definition.hex(), "ast" in sys.modules, "google.protobuf" in sys.modules)
"""


class Checkout:
    """A copy of the server and the client."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in ("server", "client"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))

    def file(self, module: str) -> Path:
        part = "server" if module.startswith("ordertrail_server") else "client"
        path = self.folder / part / module.replace(".", "/")
        return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")

    def definition(self, *modules: str) -> bytes:
        search_path = [str(self.folder / part) for part in ("server", "client")]
        reader = DefinitionReader(search_path=search_path, cache_directory=self.folder)
        return reader.read(*(modules or MODULES))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def unchanged(checkout: Checkout) -> bytes:
    """Return the definition of the checkout before any test changes it."""
    return checkout.definition()


@pytest.fixture
def source_file(checkout: Checkout, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Return the copy of the module that the test names, and restore it afterwards."""
    file = checkout.file(request.param)
    source = file.read_bytes()
    yield file
    file.write_bytes(source)


def test_definition_depends_on_no_path(unchanged: bytes) -> None:
    assert unchanged == DefinitionReader().read(*MODULES)


# A definition takes a module's summary and no more of it, so the further sources of a module are compared by summary.
@pytest.mark.parametrize("source_file", SERVER_MODULES, indirect=True)
def test_rewritten_source_keeps_the_definition(checkout: Checkout, unchanged: bytes, source_file: Path) -> None:
    source = source_file.read_text()
    source_file.write_text(f"# A comment.\n{source}\n")
    assert checkout.definition() == unchanged
    rewritten = (source_file.read_text(), ast.unparse(ast.parse(source)))
    assert [summarize(text.encode()) for text in rewritten] == [summarize(source.encode())] * 2


@pytest.mark.parametrize("source_file", SERVER_MODULES, indirect=True)
def test_changed_rule_changes_the_definition(checkout: Checkout, unchanged: bytes, source_file: Path) -> None:
    source = source_file.read_text()
    changed = dict(changed_sources(source))
    digests = {summarize(text.encode()).digest for text in (source, *changed.values())}
    assert len(digests) == 1 + len(changed)
    source_file.write_text(changed["add_statement"])
    assert checkout.definition() != unchanged


@pytest.mark.parametrize("source_file", ["ordertrail.v1.money_pb2", "ordertrail.log.v1.record_pb2"], indirect=True)
def test_changed_proto_changes_the_definition(checkout: Checkout, unchanged: bytes, source_file: Path) -> None:
    # Names of the same length, because the source holds their length, too.
    source_file.write_text(source_file.read_text().replace("units", "parts").replace("order_id", "order_no"))
    assert checkout.definition() != unchanged


@pytest.mark.parametrize("module", ["schema.v1", "schema.hops.compiler", "orders.evolve", "log.placement"])
def test_modules_of_reading_and_folding_are_reached(module: str) -> None:
    assert f"ordertrail_server.{module}" in SERVER_MODULES


@pytest.mark.parametrize("module", ["projections.supervisor", "log.embedded.log", "schema.lock.lock_file", "serving"])
def test_modules_without_influence_on_rows_are_not_reached(module: str) -> None:
    assert f"ordertrail_server.{module}" not in REACHED


def test_definition_of_other_modules_differs() -> None:
    assert DefinitionReader().read(*MODULES) != DefinitionReader().read(*MODULES[:1])


def test_order_of_modules_does_not_matter() -> None:
    assert DefinitionReader().read(*MODULES) == DefinitionReader().read(*reversed(MODULES))


@pytest.mark.parametrize(
    ("module", "problem"),
    [("ordertrail_server.nothing", "there is no such module"), ("statistics", "its name is that of a library")],
)
def test_module_that_cannot_count_is_refused(module: str, problem: str) -> None:
    with pytest.raises(SourceUnavailable, match=f"module {module}, but {problem}"):
        DefinitionReader().read(module)


def test_definition_is_the_same_whatever_was_read_before() -> None:
    reader = DefinitionReader()
    assert [reader.read(module) for module in MODULES] == [DefinitionReader().read(module) for module in MODULES]


def test_start_with_a_complete_cache_parses_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    first, second = (subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(2))
    digest = DefinitionReader().read().hex()
    assert (first.split(), second.split()) == ([digest, "True", "True"], [digest, "False", "False"])
