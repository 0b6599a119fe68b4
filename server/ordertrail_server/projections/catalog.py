"""The projections of a server: the ones that it brings, and those that other packages add by an entry point."""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from ordertrail_server.projections.projection import Projection
from ordertrail_server.projections.projection_error import ProjectionRefused

GROUP = "ordertrail.projections"
ORDERS, HISTORY, PRODUCT_TOTALS = "orders", "history", "product_totals"
OWN_NAMES = (ORDERS, HISTORY, PRODUCT_TOTALS)
"""The projections that a server brings. One process folds all of them."""


def _load_history() -> type[Projection]:
    from ordertrail_server.projections.history.projection import HistoryProjection

    return HistoryProjection


def _load_product_totals() -> type[Projection]:
    from ordertrail_server.projections.product_totals.projection import ProductTotals

    return ProductTotals


BUILT_IN: dict[str, Callable[[], type[Projection]]] = {HISTORY: _load_history, PRODUCT_TOTALS: _load_product_totals}


def added_projections() -> dict[str, EntryPoint]:
    """Return the entry points of the projections that other packages add, by name. Loads none of them."""
    return {point.name: point for point in entry_points(group=GROUP)}


def load_projection(name: str) -> Projection:
    """Load a projection, which imports its module. Raises ProjectionRefused if that fails."""
    if name in BUILT_IN:
        return BUILT_IN[name]()()
    try:
        projection: Projection = added_projections()[name].load()()
    except Exception as error:
        raise ProjectionRefused(f"the projection {name} cannot be loaded: {type(error).__name__}: {error}") from error
    return projection
