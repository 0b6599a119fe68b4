"""The interface of a topic of one partition whose beginning can be removed."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ordertrail_server.log.port import Entry, Logged


class Bounds(NamedTuple):
    """The offset of the first message that a topic still has, and of the next one that it gets."""

    first: int
    end: int


class MessageTopic(Protocol):
    """The topic. Several writers may append to it, and their messages mix."""

    async def append(self, entries: Sequence[Entry]) -> list[int]:
        """Append in order, and return the offsets. Raises AppendUncertain, LogUnavailable."""

    async def query_bounds(self) -> Bounds:
        """Return the bounds of the topic. The end may be stale; only an append proves it. Raises LogUnavailable."""

    async def read(self, begin: int, end: int) -> list[Logged]:
        """Return the messages from `begin` up to before `end`, which the topic must reach. Raises LogDamaged.

        Raises LogUnavailable also if another writer has removed the message at `begin`.
        """

    async def remove_before(self, offset: int) -> None:
        """Remove all messages before an offset. Raises LogUnavailable."""
