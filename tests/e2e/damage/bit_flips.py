"""Bits that a disk flips in the files of a data directory."""

from pathlib import Path
from random import Random
from typing import NamedTuple

# -shm files are memory, not data: SQLite creates them anew when a file is opened. The lock has no content.
NOT_DATA = ("-shm", "LOCK")


class Flip(NamedTuple):
    """One bit of a file, which is named relative to the data directory."""

    file: Path
    byte: int
    bit: int

    def apply(self, data: Path) -> None:
        """Flip the bit in a data directory."""
        with (data / self.file).open("r+b") as file:
            file.seek(self.byte)
            value = file.read(1)[0]
            file.seek(self.byte)
            file.write(bytes([value ^ 1 << self.bit]))

    @property
    def is_irreplaceable(self) -> bool:
        """True if the bit belongs to a file that nothing can restore: the log, or what consumers have acknowledged."""
        return self.file.name.startswith(("log.sqlite", "subscriptions.sqlite"))


def choose_flip(data: Path, random: Random) -> Flip:
    """Choose a file at random, with the same chance for small files, and a bit of it."""
    files = [file for file in sorted(data.rglob("*")) if file.is_file() and file.stat().st_size]
    file = random.choice([file for file in files if not file.name.endswith(NOT_DATA)])
    return Flip(file.relative_to(data), random.randrange(file.stat().st_size), random.randrange(8))
