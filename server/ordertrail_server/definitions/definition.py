"""The definition of a store that is folded from the log: a digest of all code besides the log that determines its rows.

A store of another definition is never trusted: it is rebuilt. Comments, docstrings and formatting are no part of it,
nor are files that code reads. Modules that code imports by a name which it computes are not found: name them, too.
"""

from collections.abc import Collection, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from ordertrail_server.definitions.library import is_library
from ordertrail_server.definitions.module_finder import ModuleFinder
from ordertrail_server.definitions.reached_modules import ReachedModules
from ordertrail_server.definitions.source_error import SourceUnavailable
from ordertrail_server.definitions.summary_cache import SummaryCache

# Every store holds what these give: public events of records that are facts, in their partition.
READING: Final = (
    "ordertrail_server.log.placement",
    "ordertrail_server.orders.chain",
    "ordertrail_server.schema.reading",
)


class DefinitionReader:
    """Reads definitions from source files, each file once.

    Imports of the standard library, of what Ordertrail depends on, and of `libraries` (top packages) are not followed.
    Summaries of source files are kept in the cache directory. Modules are searched in `search_path`, or as this process
    imports.
    """

    def __init__(
        self,
        *,
        libraries: Collection[str] = (),
        cache_directory: Path | None = None,
        search_path: Sequence[str] | None = None,
    ) -> None:
        self._libraries, self._finder = libraries, ModuleFinder(search_path)
        self._cache = SummaryCache(cache_directory)
        self._reached = ReachedModules(self._finder, self._cache, libraries)

    def read(self, *modules: str) -> bytes:
        """Return the digest of what modules do, with all modules that they import and with READING: 32 bytes.

        Raises SourceUnavailable if there is no such module, or if a reached one has no source file.
        """
        for module in modules:
            self._check_root(module)
        digests = self._reached.digests((*READING, *modules))
        self._cache.save()
        return sha256("".join(f"{name} {digest}\n" for name, digest in sorted(digests.items())).encode()).digest()

    def _check_root(self, module: str) -> None:
        if is_library(module, self._libraries):
            raise SourceUnavailable(module, "its name is that of a library, which does not count")
        if self._finder.find(module) is None:
            raise SourceUnavailable(module, "there is no such module")
