"""A defect that a test plants in the write path."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from ordertrail_server.log.port import Entry

Wrap = Callable[[Any], Any]
"""Takes the real attribute and returns the defective one."""


class Defect(NamedTuple):
    """Replaces the attribute `name` of a class or module by the result of `wrap`."""

    owner: object
    name: str
    wrap: Wrap

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        """Replace the attribute until `patch` is undone. Raises AttributeError if there is no such attribute."""
        patch.setattr(self.owner, self.name, self.wrap(getattr(self.owner, self.name)))


class Mutant(NamedTuple):
    """A defect and its name in the model check of the chain rule."""

    name: str
    defect: Defect


def mutant(name: str, owner: object, attribute: str) -> Callable[[Wrap], Mutant]:
    """Return a decorator that makes a mutant of a function that wraps the attribute."""
    return lambda wrap: Mutant(name, Defect(owner, attribute, wrap))


class LogWithAppend:
    """A log whose appends call `append`; everything else is the wrapped log's."""

    def __init__(self, log: Any, append: Callable[[Any, int, Sequence[Entry]], Any]) -> None:
        self._log, self._append = log, append

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        offsets: list[int] = await self._append(self._log, partition, entries)
        return offsets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)
