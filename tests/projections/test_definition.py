"""Code that fills a projection's file differently has another definition."""

from importlib import import_module
from pathlib import Path

import pytest

from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.projections.definition import projection_definition, projection_module
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.projection_error import ProjectionRefused


@pytest.mark.parametrize("name", [ORDERS, HISTORY])
def test_module_of_a_built_in_projection_can_be_imported(name: str) -> None:
    assert import_module(projection_module(name))


def test_projections_have_different_definitions() -> None:
    assert projection_definition(ORDERS) != projection_definition(HISTORY)


def test_unknown_projection_is_refused() -> None:
    with pytest.raises(ProjectionRefused, match="there is no projection sales: install the package"):
        projection_definition("sales")


@pytest.mark.parametrize("name", [ORDERS, HISTORY])
def test_file_is_named_after_projection_and_definition(name: str) -> None:
    digits = projection_definition(name).hex()[:12]
    assert live_generation(Path("projections"), name).name == f"{name}-{digits}-1.sqlite"
