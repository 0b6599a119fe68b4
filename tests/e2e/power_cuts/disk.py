"""A model of what a disk holds after a power cut.

What was synced is there. Each later write may be there, be missing, or be torn: a disk writes sectors, in any order. A
new or removed name is durable only after a sync of its directory. SQLite does that with the first sync of a new -wal
file.
"""

from collections.abc import Iterator, Sequence
from random import Random

from tests.e2e.power_cuts.journal import Kind, Operation

SECTOR = 512
LOSSES = ("all missing", "none missing", "cut short", "some missing", "some sectors missing")


class StoredFile:
    """A file: the content as of its last sync, and the operations since."""

    def __init__(self, content: bytes = b"") -> None:
        self._synced = bytearray(content)
        self._pending: list[Operation] = []

    def add(self, operation: Operation) -> None:
        if operation.kind is Kind.SYNC:
            _apply(self._pending, self._synced)
            self._pending.clear()
        else:
            self._pending.append(operation)

    def cut(self, random: Random, loss: str) -> bytes:
        """Return what a power cut may leave of the file."""
        content = bytearray(self._synced)
        _apply(_choose(self._pending, random, loss), content)
        size = max((_end(operation) for operation in self._pending), default=0)
        if random.random() < 0.3:  # the size of a file may reach the disk before its content
            content.extend(bytes(max(0, size - len(content))))
        return bytes(content)


class Disk:
    """The files of a database, by the suffixes of their names."""

    def __init__(self, main: bytes) -> None:
        self._files: dict[str, StoredFile] = {"": StoredFile(main)}
        self._durable_names = dict(self._files)

    def add(self, operation: Operation) -> None:
        """Let a process do this."""
        if operation.kind is Kind.CREATE:
            self._files[operation.suffix] = StoredFile()
        elif operation.kind is Kind.DELETE:
            del self._files[operation.suffix]
        else:
            self._files[operation.suffix].add(operation)
            if operation.kind is Kind.SYNC and operation.suffix:
                self._durable_names = dict(self._files)

    def cut(self, random: Random) -> dict[str, bytes]:
        """Return the files that a power cut may leave, by the suffixes of their names."""
        names, loss = random.choice((self._files, self._durable_names)), random.choice(LOSSES)
        return {suffix: file.cut(random, loss) for suffix, file in names.items()}


def _choose(pending: Sequence[Operation], random: Random, loss: str) -> Iterator[Operation]:
    match loss:
        case "none missing":
            yield from pending
        case "cut short":
            sectors = [sector for operation in pending for sector in _split(operation)]
            yield from sectors[: random.randrange(len(sectors) + 1)]
        case "some missing":
            yield from (operation for operation in pending if random.random() < 0.5)
        case "some sectors missing":
            share = random.random()
            yield from (sector for operation in pending for sector in _split(operation) if random.random() < share)


def _split(operation: Operation) -> Iterator[Operation]:
    """Yield an operation for each sector that a write concerns."""
    kind, suffix, offset, data = operation
    if kind is not Kind.WRITE:
        yield operation
        return
    begin = 0
    while begin < len(data):
        end = begin + SECTOR - (offset + begin) % SECTOR
        yield Operation(kind, suffix, offset + begin, data[begin:end])
        begin = end


def _apply(operations: Sequence[Operation] | Iterator[Operation], content: bytearray) -> None:
    for kind, _, offset, data in operations:
        if kind is Kind.TRUNCATE:
            del content[offset:]
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data


def _end(operation: Operation) -> int:
    return operation.offset + len(operation.data)
