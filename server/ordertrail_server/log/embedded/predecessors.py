"""The logs that an embedded log continues since it was restored from a backup: rows of the table `predecessors`.

The identity of a restored log contains a digest of these rows, because a changed row would make lost records look kept.
"""

from itertools import groupby
from json import dumps
from secrets import token_bytes
from typing import Any, NamedTuple

from ordertrail_server.log.embedded.file import IDENTITY_BYTES, LOG_FILE, read_description
from ordertrail_server.log.embedded.records import Table
from ordertrail_server.log.lineage import Lineage, Predecessor
from ordertrail_server.log.port import LogDamaged
from ordertrail_server.orders.chain import digest
from ordertrail_server.storage.sqlite import sqlite3

# The rows are inserted oldest log first, and VACUUM keeps their order.
READ = "SELECT identity, partition, records_end, commands_end FROM predecessors NOT INDEXED ORDER BY rowid"
# A flipped bit can make the table look empty, but not its index too.
READ_KEYS = "SELECT identity, partition FROM predecessors INDEXED BY sqlite_autoindex_predecessors_1"
RANDOM_BYTES = IDENTITY_BYTES // 2


class CutLog(NamedTuple):
    """A log as of a backup: its identity, and the ends of the partitions of both tables."""

    identity: bytes
    records_ends: tuple[int, ...]
    commands_ends: tuple[int, ...]

    def to_rows(self) -> list[tuple[bytes, int, int, int]]:
        """Return the rows of the table `predecessors`, one for each partition."""
        ends = enumerate(zip(self.records_ends, self.commands_ends, strict=True))
        return [(self.identity, partition, *both) for partition, both in ends]


def create_identity(predecessors: tuple[CutLog, ...]) -> bytes:
    """Return a new identity for the log that continues these: random bytes, and a digest of them and the rows."""
    return _seal(token_bytes(RANDOM_BYTES), predecessors)


def read_predecessors(connection: sqlite3.Connection) -> tuple[CutLog, ...]:
    """Return the logs that the log continues, oldest first. Raises LogDamaged."""
    identity, partitions, _, file_format = read_description(connection)
    if file_format == 1:
        return ()
    rows, keys = connection.execute(READ).fetchall(), connection.execute(READ_KEYS).fetchall()
    try:
        predecessors = tuple(_parse(name, list(group), partitions) for name, group in groupby(rows, lambda row: row[0]))
        is_sealed = not predecessors or _seal(identity[:RANDOM_BYTES], predecessors) == identity
    except (ValueError, TypeError, AttributeError):  # a flipped bit can also change the type of a column
        is_sealed = False
    if not is_sealed or {row[:2] for row in rows} != {*keys}:
        raise LogDamaged(f"{LOG_FILE} is damaged: its predecessors are not those that it was restored with")
    return predecessors


def read_lineages(connection: sqlite3.Connection) -> tuple[Lineage, Lineage]:
    """Return the lineages of the log of records and of the log of submitted commands. Raises LogDamaged."""
    identity, partitions, *_ = read_description(connection)
    logs = read_predecessors(connection)
    records = tuple(Predecessor(log.identity, log.records_ends) for log in logs)
    commands = tuple(Predecessor(identity_of_commands(log.identity), log.commands_ends) for log in logs)
    return Lineage(identity, partitions, records), Lineage(identity_of_commands(identity), partitions, commands)


def identity_of_commands(identity: bytes) -> bytes:
    """Return the identity of the log of submitted commands that is in the file of a log."""
    return digest(identity + Table.COMMANDS.encode())


def _parse(identity: bytes, rows: list[tuple[Any, ...]], partitions: int) -> CutLog:
    """Raises ValueError for rows that no restore writes."""
    if [row[1] for row in rows] != [*range(partitions)]:
        raise ValueError("a partition is missing")
    return CutLog(identity, tuple(row[2] for row in rows), tuple(row[3] for row in rows))


def _seal(random_bytes: bytes, predecessors: tuple[CutLog, ...]) -> bytes:
    rows = [(identity.hex(), *numbers) for log in predecessors for identity, *numbers in log.to_rows()]
    return random_bytes + digest(random_bytes + dumps(rows).encode())[: IDENTITY_BYTES - RANDOM_BYTES]
