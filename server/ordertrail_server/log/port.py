"""The interface of a log: a fixed number of partitions of records that are never changed or removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from ordertrail_server.log.lineage import Lineage
from ordertrail_server.operator_error import OperatorError


class Entry(NamedTuple):
    """A record to append: its key (the order id) and its serialized `Record`."""

    key: str
    value: bytes


class Logged(NamedTuple):
    """A record on the log. `digest` is the digest of `value` (see orders.chain); the adapter has verified it."""

    offset: int
    key: str
    value: bytes
    digest: bytes


BARRIER = Entry("barrier", b"")
"""A message that a writer appends only to get its offset. It is not a record, so it has no effect."""


class AppendUncertain(OperatorError):
    """An append failed or timed out. Some or all of its records may be on the log, or appear there later."""


class LogRefused(OperatorError):
    """The log cannot be served in its present setup. The message says why, and what to do."""


class LogUnavailable(OperatorError):
    """The log cannot be reached for now. Nothing was changed."""


class LogInUse(LogUnavailable):
    """Another process, such as a backup, keeps the log's file open. The file itself is sound."""


class LogDamaged(OperatorError):
    """A stored record differs from what was appended, or facts are lost. The message says which, and where."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a log guarantees about appends and ends beyond the contract that all logs keep."""

    atomic_append: bool = True
    """True if records of one append may be linked to one another.

    That requires that an append is stored as a whole or not at all, that there is no other writer, and that no record
    is stored after its call has ended.
    """

    current_end: bool = True
    """True if `Log.end` includes everything that any writer appended before the call.

    Otherwise an end may be stale without notice, and only an append proves the current end.
    """

    max_end_staleness_seconds: float = 0.0
    """How long `Log.end` may return a lower end than other processes see; 0 if it never does."""


class AppendLog(Protocol):
    """A log as its writers and readers use it. There is no read by key.

    Every adapter passes the contract suite in tests/log. Methods may be called from one event loop only;
    an adapter moves its blocking work elsewhere by itself.
    """

    @property
    def identity(self) -> bytes:
        """16 bytes that identify this log."""

    @property
    def lineage(self) -> Lineage:
        """The identity of this log, and of the logs that it continues after a restore."""

    @property
    def topic(self) -> str:
        """The name of this log in receipts."""

    @property
    def partitions(self) -> int:
        """The number of partitions. It never changes."""

    @property
    def capabilities(self) -> Capabilities:
        """What this log guarantees now. It may change while the log is open, so do not store it."""

    async def end(self, partition: int, at_least: int = 0) -> int:
        """Return the offset that the partition's next record will get, as of a moment after the call began.

        `at_least` is an end that the caller saw before. A log whose ends may be stale retries while its end is lower.
        A known gap at the end is not counted. Raises LogDamaged, LogUnavailable.
        """

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        """Append the entries, durably when this returns, and return the offset that each got.

        Raises AppendUncertain if the outcome is unknown, LogUnavailable if certainly nothing was appended.
        """

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        """Return up to `limit` records from `offset` on, in order. An empty list means the end of the partition.

        Raises LogDamaged.
        """

    def skip_gap(self, partition: int, offset: int) -> int:
        """Return the end of the gap that begins at `offset`; `offset` itself if reads have found none there.

        A gap is a range of offsets that hold no record and never will.
        """

    async def wait(self, partition: int, offset: int) -> None:
        """Return as soon as the partition's end lies beyond `offset`."""

    async def close(self) -> None:
        """Finish a running append, and release all resources."""


class Log(AppendLog, Protocol):
    """The log of events, as the write path and the projector use it. Closing it also closes its `commands`."""

    @property
    def commands(self) -> AppendLog | None:
        """The log of submitted commands: as many partitions, the same keys, an identity of its own.

        None if it does not exist yet.
        """


@runtime_checkable
class SelfMonitoring(Protocol):
    """A log that can be deleted from outside, and that detects this even if it is idle."""

    async def raise_on_loss(self) -> None:
        """Never return. Raise LogDamaged once the log is no longer the one that was opened."""
