"""The files of modules, found by name without importing the modules."""

from collections.abc import Sequence
from importlib.machinery import ModuleSpec, NamespaceLoader, PathFinder
from importlib.util import find_spec
from os.path import isfile
from typing import NamedTuple

from ordertrail_server.definitions.source_error import SourceUnavailable


class ModuleFile(NamedTuple):
    """Where a module is."""

    path: str
    """Its source file; empty for a namespace package, which has none."""

    locations: list[str] | None
    """The folders of its submodules; None if it is not a package."""


class ModuleFinder:
    """Finds modules as an import would, and remembers them."""

    def __init__(self, search_path: Sequence[str] | None = None) -> None:
        """Search these folders, or those of this process with its import hooks."""
        self._search_path = search_path
        self._files: dict[str, ModuleFile | None] = {}

    def find(self, module: str) -> ModuleFile | None:
        """Return where a module is, or None if there is none. Raises SourceUnavailable if it is not a source file."""
        if module not in self._files:
            spec = self._spec(module)
            self._files[module] = None if spec is None else _file(module, spec)
        return self._files[module]

    def _spec(self, module: str) -> ModuleSpec | None:
        parent, _, name = module.rpartition(".")
        if not parent:
            return self._top_spec(name)
        package = self.find(parent)
        if package is None or package.locations is None:
            return None
        # Without the parent's name, because a namespace package under its full name needs an imported parent.
        return PathFinder.find_spec(name, package.locations)

    def _top_spec(self, name: str) -> ModuleSpec | None:
        if self._search_path is not None:
            return PathFinder.find_spec(name, self._search_path)
        try:
            return find_spec(name)
        except ValueError as error:  # for example a script's __main__
            raise SourceUnavailable(name, f"Python does not know its file ({error})") from error


def _file(module: str, spec: ModuleSpec) -> ModuleFile:
    locations = None if spec.submodule_search_locations is None else list(spec.submodule_search_locations)
    # The loader of a namespace package is None until the package is imported.
    if spec.loader is None or isinstance(spec.loader, NamespaceLoader):
        return ModuleFile("", locations)
    path = spec.origin or ""
    if not (path.endswith(".py") and isfile(path)):
        raise SourceUnavailable(module, f"it is loaded from {path or 'memory'}")
    return ModuleFile(path, locations)
