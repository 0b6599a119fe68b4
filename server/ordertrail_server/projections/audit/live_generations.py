"""The live generations of a directory, which may be replaced while an audit reads them."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ordertrail_server.operator_error import OperatorError
from ordertrail_server.projections.audit.live_copy import LiveDamaged
from ordertrail_server.projections.generation import Generation, current_generation
from ordertrail_server.projections.projection_error import ProjectionRefused
from ordertrail_server.storage.sqlite import sqlite3

T = TypeVar("T")

ATTEMPTS = 3
"""How often a live generation is read that is replaced meanwhile."""


class LiveGenerations:
    """Reads the live generations of a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._first: dict[str, Generation] = {}

    def read(self, name: str, read: Callable[[Path], T]) -> tuple[Generation, T]:
        """Return the live generation and what `read` returns for its file; of its successor if it is replaced.

        Raises ProjectionRefused if it has no file, and what `read` raises.
        """
        for _ in range(ATTEMPTS):
            generation = current_generation(self._directory, name)
            self._first.setdefault(name, generation)
            file = generation.file(self._directory)
            if not file.exists():
                raise ProjectionRefused(f"{file.name} does not exist")
            try:
                return generation, read(file)
            except (LiveDamaged, sqlite3.Error, OSError):
                if generation == current_generation(self._directory, name):
                    raise
        raise ProjectionRefused(f"{name} was replaced {ATTEMPTS} times")

    def replaced_names(self) -> set[str]:
        """Return the projections whose live generation is not the one that was read first."""
        return {name for name, first in self._first.items() if self._find(name) != first}

    def _find(self, name: str) -> Generation | None:
        try:
            return current_generation(self._directory, name)
        except OperatorError:  # its package was removed
            return None
