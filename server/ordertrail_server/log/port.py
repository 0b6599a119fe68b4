"""The log's port: a fixed number of partitions of records that are never changed or removed."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class Entry(NamedTuple):
    """A record to append: its key (the order id) and its serialized `Record`."""

    key: str
    value: bytes


class Logged(NamedTuple):
    """A record on the log. `digest` is that of `value` (see orders.chain), verified by the adapter that read it."""

    offset: int
    key: str
    value: bytes
    digest: bytes


BARRIER = Entry("barrier", b"")
"""What is appended only to learn where it lands: no record, so it has no effect."""


class AppendUncertain(Exception):
    """An append failed or timed out, and its records may still land, now or later, whole or in part."""


class LogRefused(Exception):
    """The log cannot be served as it is set up; the message is for its operator and says why, and what to do."""


class LogUnavailable(Exception):
    """The log cannot be reached for now; nothing was changed."""


class LogInUse(LogUnavailable):
    """Another process, such as a backup, keeps the log's file open; nothing is wrong with it."""


class LogDamaged(Exception):
    """A stored record is not what was appended, or facts that were there are gone; says which, and where."""


class Log(Protocol):
    """What the write path and the projector need of a log. There is no read by key.

    Every adapter passes the contract suite in tests/log. Methods may be called from one event loop only;
    an adapter moves its blocking work elsewhere by itself.
    """

    @property
    def identity(self) -> bytes:
        """16 bytes that name this log and no other."""

    @property
    def topic(self) -> str:
        """The name under which receipts speak of this log."""

    @property
    def partitions(self) -> int:
        """How many partitions there are; it never changes."""

    @property
    def atomic(self) -> bool:
        """Whether records of one append may be linked to one another.

        It takes that they land all together or not at all, that nobody else appends, and that none lands after its
        call has ended.
        """

    @property
    def end_is_sure(self) -> bool:
        """Whether `end` counts all that was appended before it was asked for, by anyone.

        Otherwise it may be told by a broker that leads no more and does not know it; only an append shows the end then.
        """

    @property
    def stale_seconds(self) -> float:
        """For how long it may be told of an end that lies before one that others were told; 0 if that cannot be."""

    async def end(self, partition: int, known_end: int = 0) -> int:
        """Return the offset that the partition's next record will get, as of a moment after the call began.

        `known` is an end that the caller saw before. A log that may for a while be told of an older one, as by a broker
        that leads no more, asks again until it hears of that or a later one. A gap that is known at the end counts as
        behind it. Raises LogDamaged, LogUnavailable.
        """

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        """Append the entries, durably when this returns, and return the offset that each got.

        Raises AppendUncertain if the outcome is unknown, LogUnavailable if surely nothing was appended.
        """

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        """Return up to `limit` records from `offset` on, in order; none at the end only. Raises LogDamaged."""

    def gap_end(self, partition: int, offset: int) -> int:
        """Return where the gap at `offset` ends, as far as reads have shown; `offset` itself where none is known.

        A gap are offsets that no record has, nor ever gets, as those of the markers of a transaction.
        """

    async def wait(self, partition: int, offset: int) -> None:
        """Return as soon as the partition's end lies beyond `offset`."""

    async def close(self) -> None:
        """Release all that the log holds; a running append is finished first."""


@runtime_checkable
class Failing(Protocol):
    """A log that others may take away while nobody reads or writes it, and that looks for this by itself."""

    async def failed(self) -> None:
        """Return never, but raise LogDamaged when the log is no more what was opened."""
