"""The definition of a projection: a digest of what the code that fills its file does."""

from functools import cache
from importlib import invalidate_caches
from pathlib import Path
from typing import Final

from ordertrail_server.definitions.definition import DefinitionReader
from ordertrail_server.definitions.source_error import SourceUnavailable
from ordertrail_server.definitions.summary_cache import choose_directory
from ordertrail_server.projections.catalog import BUILT_IN, ORDERS, added_projections
from ordertrail_server.projections.projection_error import ProjectionRefused

# It reaches the projection `orders`, whose verdicts all others take.
ENGINE: Final = "ordertrail_server.projections.engine"


_definitions: Final[dict[str, bytes]] = {}


def projection_definition(name: str, directory: Path | None = None) -> bytes:
    """Return the definition of a projection: 32 bytes. Raises ProjectionRefused, SourceUnavailable.

    What was read from source files is kept beside the compiled code, or in the directory of the projections, because a
    start needs it at once. A process reads them once, because it does not load its code again.
    """
    if name not in _definitions:
        try:
            _definitions[name] = _create_reader(choose_directory(directory)).read(ENGINE, projection_module(name))
        except SourceUnavailable:
            _create_reader.cache_clear()  # the next attempt reads what is corrected until then
            raise
    return _definitions[name]


@cache
def _create_reader(directory: Path | None) -> DefinitionReader:
    return DefinitionReader(cache_directory=directory)


def forget_definition(name: str) -> None:
    """Read the definition of a projection anew when it is next needed, because its package may have changed."""
    _definitions.pop(name, None)
    _create_reader.cache_clear()
    invalidate_caches()


def projection_module(name: str) -> str:
    """Return the name of a projection's module. Raises ProjectionRefused if there is no such projection."""
    if name == ORDERS or name in BUILT_IN:
        return f"ordertrail_server.projections.{name}.projection"
    entry_point = added_projections().get(name)
    if entry_point is None:
        raise ProjectionRefused(f"there is no projection {name}: install the package that adds it")
    try:
        return entry_point.module
    except AttributeError:  # importlib found no module in it
        raise ProjectionRefused(
            f"the projection {name} cannot be loaded: its entry point {entry_point.value!r} is not MODULE:CLASS"
        ) from None
