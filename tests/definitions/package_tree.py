"""A small tree of Python files, and the modules that its code reaches."""

import importlib
from pathlib import Path

from ordertrail_server.definitions.module_finder import ModuleFinder
from ordertrail_server.definitions.reached_modules import ReachedModules
from ordertrail_server.definitions.summary_cache import SummaryCache


class PackageTree:
    """Source files in a folder, which is the only one that is searched for modules."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, path: str, source: str = "") -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
        importlib.invalidate_caches()

    def digests(self, *roots: str, libraries: tuple[str, ...] = (), search_path: Path | None = None) -> dict[str, str]:
        finder = ModuleFinder([str(search_path or self.folder)])
        return ReachedModules(finder, SummaryCache(None), libraries).digests(roots)
