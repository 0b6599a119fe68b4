"""A defect that is planted in the write path for as long as a test needs it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from ordertrail_server.log.port import Entry

Wrap = Callable[[Any], Any]
"""Takes what stands there today, and returns what is to stand there instead."""


class Defect(NamedTuple):
    """The attribute `name` of a class or module, and what is made of it."""

    owner: object
    name: str
    wrap: Wrap

    def plant(self, patch: pytest.MonkeyPatch) -> None:
        """Put the defect in until `patch` is undone. Raises AttributeError if the write path has no such attribute."""
        patch.setattr(self.owner, self.name, self.wrap(getattr(self.owner, self.name)))


class Mutant(NamedTuple):
    """A defect by the name that the chain rule's model check gives it."""

    name: str
    defect: Defect


def mutant(name: str, owner: object, attribute: str) -> Callable[[Wrap], Mutant]:
    """Make a mutant of the function that wraps the attribute."""
    return lambda wrap: Mutant(name, Defect(owner, attribute, wrap))


class LogWithAppend:
    """A log whose appends go through `append`; all else is the log's own."""

    def __init__(self, log: Any, append: Callable[[Any, int, Sequence[Entry]], Any]) -> None:
        self._log, self._append = log, append

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        offsets: list[int] = await self._append(self._log, partition, entries)
        return offsets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)
