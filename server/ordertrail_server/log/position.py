"""The position of a record: its partition and offset, also packed into one integer by which SQLite orders and finds it.

The packed form is frozen, because the files of embedded logs and read models contain it.
"""

from typing import NamedTuple

OFFSET_BITS = 48
OFFSETS = 1 << OFFSET_BITS
"""The number of offsets that a partition can have."""

MAX_PARTITIONS = 1 << 15
"""The number of partitions whose packed positions SQLite's signed integers of 64 bits can hold."""


class LogPosition(NamedTuple):
    """A partition, and an offset in it."""

    partition: int
    offset: int

    def pack(self) -> int:
        """Return partition << 48 | offset."""
        return self.partition << OFFSET_BITS | self.offset

    @classmethod
    def unpack(cls, packed: int) -> "LogPosition":
        """Return the position of a packed one."""
        return cls(packed >> OFFSET_BITS, packed & OFFSETS - 1)


def first_packed(partition: int) -> int:
    """Return the packed position of the partition's first record. That of the next partition ends its range."""
    return partition << OFFSET_BITS
