"""The projections that other packages add and that can be built: one that is broken must not delay the others."""

import logging
from pathlib import Path

from ordertrail_server.operator_error import OperatorError
from ordertrail_server.projections.catalog import added_projections, load_projection
from ordertrail_server.projections.definition import projection_definition

_log = logging.getLogger(__name__)


def find_loadable_projections(directory: Path) -> list[str]:
    """Return the names of the added projections, without those that cannot be loaded, which are logged."""
    return [name for name in added_projections() if _is_loadable(name, directory)]


def _is_loadable(name: str, directory: Path) -> bool:
    try:
        projection_definition(name, directory)
        load_projection(name)
    except OperatorError as refusal:
        _log.error("%s", refusal)
        return False
    return True
