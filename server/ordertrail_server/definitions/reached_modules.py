"""The modules that given modules reach by their imports."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from importlib.util import resolve_name
from pathlib import Path
from typing import NamedTuple

from ordertrail_server.definitions.library import is_library
from ordertrail_server.definitions.module_finder import ModuleFile, ModuleFinder
from ordertrail_server.definitions.source_error import SourceUnavailable
from ordertrail_server.definitions.summary import Summary
from ordertrail_server.definitions.summary_cache import SummaryCache

_NOTHING = Summary("", ())


class _Module(NamedTuple):
    """The digest of what a module does, and the modules that are reached from it at once."""

    digest: str
    next_modules: list[str]


class ReachedModules:
    """Follows imports, from module to module, up to libraries. Reads each module once."""

    def __init__(self, finder: ModuleFinder, cache: SummaryCache, libraries: Collection[str]) -> None:
        self._finder, self._cache, self._libraries = finder, cache, libraries
        self._modules: dict[str, _Module] = {}

    def digests(self, roots: Iterable[str]) -> dict[str, str]:
        """Return {name of a reached module: digest of what it does}; an empty digest for a module that is absent.

        The packages of a module are reached too, because an import runs them. Raises SourceUnavailable.
        """
        digests: dict[str, str] = {}
        pending = list(roots)
        while pending:
            module = pending.pop()
            if not module or module in digests or is_library(module, self._libraries):
                continue
            if module not in self._modules:
                self._modules[module] = self._read(module)
            digests[module] = self._modules[module].digest
            pending += self._modules[module].next_modules
        return digests

    def _read(self, module: str) -> _Module:
        file = self._finder.find(module)
        summary = _NOTHING if file is None or not file.path else self._summarize(module, file)
        parent = module.rpartition(".")[0]
        return _Module(summary.digest, [parent, *self._imported(summary, _package(module, file))])

    def _summarize(self, module: str, file: ModuleFile) -> Summary:
        try:
            return self._cache.summarize(Path(file.path).read_bytes())
        except (OSError, SyntaxError, ValueError) as error:
            raise SourceUnavailable(module, f"{file.path} cannot be read ({error})") from error

    def _imported(self, summary: Summary, package: str) -> Iterator[str]:
        for text in summary.imports:
            base, _, name = text.partition(":")
            # An import from above the top package fails when it runs; the source shows it.
            with suppress(ImportError):
                module = resolve_name(base, package)
                yield module
                if name and self._is_submodule(module, name):
                    yield f"{module}.{name}"

    def _is_submodule(self, module: str, name: str) -> bool:
        return not is_library(module, self._libraries) and self._finder.find(f"{module}.{name}") is not None


def _package(module: str, file: ModuleFile | None) -> str:
    is_package = file is not None and file.locations is not None
    return module if is_package else module.rpartition(".")[0]
