"""How many submitted commands of a partition wait, and for how long."""

from typing import NamedTuple, Self


class OpenCounts(NamedTuple):
    """The commands of one partition without an outcome: how many are due, since when, and how many are not due yet.

    `due_since` is when the first of those that are due became so, in nanoseconds since 1970-01-01 UTC.
    """

    due: int
    delayed: int
    due_since: int | None


class WaitingCommands(NamedTuple):
    """The commands of one partition without an outcome, those that the server cannot decide apart from those due.

    `due_since` is that of both.
    """

    due: int
    delayed: int
    stopped: int
    due_since: int | None

    @classmethod
    def of(cls, counts: OpenCounts, stopped: int) -> Self:
        """Return the counts if so many of the due commands are stopped."""
        return cls(max(0, counts.due - stopped), counts.delayed, stopped, counts.due_since)
