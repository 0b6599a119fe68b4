"""The projections of a server: the ones that it brings, and those that other packages add by an entry point."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ordertrail_server.projections.failure_text import describe_failure
from ordertrail_server.projections.projection import Projection
from ordertrail_server.projections.projection_error import ProjectionRefused

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

GROUP = "ordertrail.projections"
NAME = re.compile("[a-z][a-z0-9_]{0,62}")
ORDERS, HISTORY, PRODUCT_TOTALS, TIMELINE = "orders", "history", "product_totals", "timeline"
OWN_NAMES = (ORDERS, HISTORY, PRODUCT_TOTALS, TIMELINE)
"""The projections that a server brings. One process folds all of them."""
STOPS_ALONE = frozenset({PRODUCT_TOTALS, TIMELINE})
"""Those of them without whose file a server runs. It needs the files of the others for commands and most queries."""


def _load_history() -> type[Projection]:
    from ordertrail_server.projections.history.projection import HistoryProjection

    return HistoryProjection


def _load_product_totals() -> type[Projection]:
    from ordertrail_server.projections.product_totals.projection import ProductTotals

    return ProductTotals


def _load_timeline() -> type[Projection]:
    from ordertrail_server.projections.timeline.projection import Timeline

    return Timeline


BUILT_IN: dict[str, Callable[[], type[Projection]]] = {
    HISTORY: _load_history,
    PRODUCT_TOTALS: _load_product_totals,
    TIMELINE: _load_timeline,
}


def own_names(*, has_timeline: bool) -> tuple[str, ...]:
    """Return OWN_NAMES, without `timeline` if the server does not keep it."""
    return tuple(name for name in OWN_NAMES if has_timeline or name != TIMELINE)


def added_projections() -> "dict[str, EntryPoint]":
    """Return the entry points of the projections that other packages add, by name. Loads none of them."""
    return {point.name: point for point in _entry_points() if _is_name_free(point.name)}


def misnamed_projections() -> list[str]:
    """Return the names of entry points that are ignored, because no projection of a package may have such a name."""
    return [point.name for point in _entry_points() if not _is_name_free(point.name)]


def load_projection(name: str) -> Projection:
    """Load a projection, which imports its module. Raises ProjectionRefused if that fails."""
    if name in BUILT_IN:
        return BUILT_IN[name]()()
    try:
        projection = added_projections()[name].load()()
    except KeyboardInterrupt:  # Ctrl-C
        raise
    except BaseException as error:  # as SystemExit: the code is not ours, and this process has no other task yet
        raise ProjectionRefused(f"the projection {name} cannot be loaded: {describe_failure(error)}") from error
    if not isinstance(projection, Projection) or projection.name != name:
        raise ProjectionRefused(
            f"the projection {name} cannot be loaded: its entry point must be a subclass of Projection whose `name` is "
            f"{name!r}, and it is {added_projections()[name].value}"
        )
    return projection


def _entry_points() -> "EntryPoints":
    # Imported here, because the process of the projections that a server brings does without it.
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)


def _is_name_free(name: str) -> bool:
    return NAME.fullmatch(name) is not None and name not in OWN_NAMES
