"""Generations: each file of a projection is named by the definition that filled it, and a number."""

from pathlib import Path

from ordertrail_server.projections.definition import projection_definition


def live_generation(directory: Path, name: str) -> Path:
    """Return the file that queries of this release are answered from."""
    return generation_file(directory, name, projection_definition(name), 1)


def generation_file(directory: Path, name: str, definition: bytes, number: int) -> Path:
    """Return the file of a generation in the directory of the projections."""
    return directory / f"{name}-{definition.hex()[:12]}-{number}.sqlite"
