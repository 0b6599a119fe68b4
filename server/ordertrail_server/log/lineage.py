"""The lineage of a log: its identity, and the identities of the logs that it continues since they were restored."""

from collections.abc import Mapping
from typing import NamedTuple


class Predecessor(NamedTuple):
    """A log that was restored from a backup, and the end of each partition in that backup.

    Its records before the ends are also those of the restored log. Its later records are lost.
    """

    identity: bytes
    ends: tuple[int, ...]


class Lineage(NamedTuple):
    """The identity of a log, its number of partitions, and the logs that it continues, oldest first."""

    identity: bytes
    partitions: int
    predecessors: tuple[Predecessor, ...] = ()

    def find_ends(self, identity: bytes) -> tuple[int, ...] | None:
        """Return the ends at which the log with this identity was cut; None if it is no predecessor."""
        ends = (predecessor.ends for predecessor in self.predecessors if predecessor.identity == identity)
        return next(ends, None)

    def find_writer(self, identity: bytes, partition: int, offset: int) -> bytes:
        """Return the identity of the log that stored a record first, of those from the log `identity` on."""
        identities = [predecessor.identity for predecessor in self.predecessors]
        begin = identities.index(identity) if identity in identities else len(identities)
        writers = (log.identity for log in self.predecessors[begin:] if offset < log.ends[partition])
        return next(writers, self.identity)


def has_lost(ends: tuple[int, ...], offsets: Mapping[int, int]) -> bool:
    """Return whether a log that was cut at the ends lacks a record before the offsets."""
    return any(offset > ends[partition] for partition, offset in offsets.items() if 0 <= partition < len(ends))
