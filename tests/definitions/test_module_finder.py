"""Modules are found without importing them, and one without a source file is refused by name."""

import compileall
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest
from tests.definitions.package_tree import PackageTree

from ordertrail_server.definitions.module_finder import ModuleFile, ModuleFinder
from ordertrail_server.definitions.source_error import SourceUnavailable


def test_module_is_found_without_being_imported(tree: PackageTree) -> None:
    tree.write("unimported_pack/inner/rules.py", "raise AssertionError")
    finder = ModuleFinder([str(tree.folder)])
    path = str(tree.folder / "unimported_pack" / "inner" / "rules.py")
    assert finder.find("unimported_pack.inner.rules") == ModuleFile(path, None)
    assert finder.find("unimported_pack.inner.other") is None
    assert finder.find("unimported_pack.inner.rules.RATE") is None
    assert "unimported_pack" not in sys.modules


def test_parts_of_a_namespace_package_are_found_in_all_folders(tmp_path: Path) -> None:
    for folder, module in (("a", "rules"), ("b", "rates")):
        PackageTree(tmp_path / folder).write(f"pack/inner/{module}.py")
    finder = ModuleFinder([str(tmp_path / "a"), str(tmp_path / "b")])
    for folder, module in (("a", "rules"), ("b", "rates")):
        path = str(tmp_path / folder / "pack" / "inner" / f"{module}.py")
        assert finder.find(f"pack.inner.{module}") == ModuleFile(path, None)


@pytest.mark.parametrize("module", ["ordertrail_server.schema.reading", "ordertrail.events.v2.order_events_pb2"])
def test_modules_of_this_process_are_found_as_it_imports_them(module: str) -> None:
    file = ModuleFinder().find(module)
    assert file is not None
    assert Path(file.path).as_posix().endswith(f"{module.replace('.', '/')}.py")


def test_module_in_a_zip_file_is_refused(tree: PackageTree) -> None:
    tree.write("app.py", "import rules")
    archive = tree.folder / "app.zip"
    with ZipFile(archive, "w") as file:
        file.write(tree.folder / "app.py", "app.py")
    with pytest.raises(SourceUnavailable, match=r"module app, but it is loaded from .*app\.zip"):
        tree.digests("app", search_path=archive)


def test_module_without_its_source_is_refused(tree: PackageTree) -> None:
    tree.write("app.py", "from pack import rules")
    tree.write("pack/rules.py")
    compileall.compile_dir(tree.folder / "pack", legacy=True, quiet=1)
    (tree.folder / "pack" / "rules.py").unlink()
    with pytest.raises(SourceUnavailable, match=r"module pack\.rules, .* or name pack as a library if"):
        tree.digests("app")


def test_compiled_extension_is_refused(tree: PackageTree) -> None:
    tree.write("app.py", "import fast")
    tree.write(f"fast{EXTENSION_SUFFIXES[0]}")
    with pytest.raises(SourceUnavailable, match="module fast, but it is loaded from"):
        tree.digests("app")
    assert tree.digests("app", libraries=("fast",)).keys() == {"app"}


def test_source_that_is_not_python_is_refused(tree: PackageTree) -> None:
    tree.write("app.py", "def fold(:")
    with pytest.raises(SourceUnavailable, match=r"module app, but .*app\.py cannot be read \(invalid syntax"):
        tree.digests("app")


def test_module_that_has_no_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typed_at_a_prompt", ModuleType("typed_at_a_prompt"))
    with pytest.raises(SourceUnavailable, match="module typed_at_a_prompt, "):
        ModuleFinder().find("typed_at_a_prompt")
