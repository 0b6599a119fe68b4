"""The index of the log of commands: a file in which each submitted command is found by its id, order and state.

It is derived from the log of commands, and built again from it if it is damaged. The outcomes of commands are links in
the log of events; the state here only says which commands are known to have one.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from ordertrail_server.log.port import Logged
from ordertrail_server.log.position import OFFSETS, LogPosition, first_packed
from ordertrail_server.storage.bulk_insert import insert_rows
from ordertrail_server.storage.checked.checkpoint import CheckedCheckpoints
from ordertrail_server.storage.checked.connection import (
    connect_checked_reader,
    connect_checked_writer,
)
from ordertrail_server.storage.directory import create_directory
from ordertrail_server.storage.row_limit import LAST_LIMIT
from ordertrail_server.storage.transaction import execute_statements, transaction
from ordertrail_server.submissions.inbox import Waiting
from ordertrail_server.submissions.waiting_commands import OpenCounts

# latest: when the last command became due that is not delayed.
# position: partition << 48 | offset. due: nanoseconds since 1970-01-01 UTC. value: the message of the log.
TABLES = """
CREATE TABLE commands (
    position INTEGER PRIMARY KEY, command_id TEXT NOT NULL UNIQUE, order_id TEXT NOT NULL, due INTEGER NOT NULL,
    is_delayed INTEGER NOT NULL, state INTEGER NOT NULL, value BLOB NOT NULL
) STRICT;
CREATE INDEX commands_by_order ON commands (order_id, position);
CREATE INDEX commands_by_state ON commands (state, position);
CREATE INDEX open_commands ON commands (position >> 48, due, position) WHERE state = 0;
CREATE TABLE positions (
    partition INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL, digest BLOB NOT NULL, latest INTEGER NOT NULL
) STRICT;
CREATE TABLE log (identity BLOB NOT NULL) STRICT;
"""
POSITION = "SELECT next_offset, digest, latest FROM positions WHERE partition = ?"
MOVE = "UPDATE positions SET next_offset = ?, digest = ?, latest = ? WHERE partition = ?"
HAS_TABLES = "SELECT count(*) FROM sqlite_schema WHERE name = 'log'"
OPEN = f"""SELECT due, position, order_id, is_delayed FROM commands
WHERE state = 0 AND position >> 48 = ? AND (due, position) >= (?, ?) AND due < ? ORDER BY due, position {LAST_LIMIT}"""
HAS_OPEN = "SELECT EXISTS (SELECT 1 FROM commands INDEXED BY commands_by_order WHERE order_id = ? AND state = 0)"
OF_ORDER = f"""SELECT position FROM commands INDEXED BY commands_by_order
WHERE order_id = ? AND position > ? ORDER BY position {LAST_LIMIT}"""
DUE = "SELECT count(*), min(due) FROM commands WHERE state = 0 AND position >> 48 = ? AND due <= ?"
DELAYED = "SELECT count(*) FROM commands WHERE state = 0 AND position >> 48 = ? AND due > ?"
OF_STATE = f"SELECT position FROM commands WHERE state = ? AND position > ? ORDER BY position {LAST_LIMIT}"


class State(IntEnum):
    """What is known of a command's outcome."""

    OPEN = 0
    ACCEPTED = 1
    REFUSED = 2


class IndexedCommand(NamedTuple):
    """A row: the packed position in the log of commands, and the message there."""

    position: int
    value: bytes


class IndexPosition(NamedTuple):
    """How far a partition is folded: the next offset, the digest of the message before it, and `Waiting.due`.

    `latest` is that of the last command that is not delayed, 0 if there is none.
    """

    next_offset: int
    digest: bytes
    latest: int


class NewCommand(NamedTuple):
    """A message to add, and when it becomes due."""

    logged: Logged
    command_id: str
    waiting: Waiting


class CommandIndex:
    """One writing and one reading connection. The writing methods run in one thread, one after another.

    Every method may raise sqlite3.Error.
    """

    def __init__(self, path: Path, identity: bytes, partitions: int) -> None:
        create_directory(path.parent)
        self.path = path
        self._writer = connect_checked_writer(path, "NORMAL")
        try:
            self._create_tables(identity, partitions)
            self._checkpoints = CheckedCheckpoints(self._writer, path)
            self._reader = connect_checked_reader(path)
        except BaseException:
            self._writer.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._writer.close()

    # Writing

    def add(self, partition: int, to: IndexPosition, commands: Sequence[NewCommand]) -> None:
        """Add commands, whose ids are new, and move the partition's position."""
        rows = [
            (
                LogPosition(partition, command.logged.offset).pack(),
                command.command_id,
                command.logged.key,
                command.waiting.due,
                command.waiting.is_delayed,
                State.OPEN.value,
                command.logged.value,
            )
            for command in commands
        ]
        with transaction(self._writer):
            insert_rows(self._writer, "INSERT INTO commands", rows)
            self._writer.execute(MOVE, (*to, partition))
        self._checkpoints.run_if_due()

    def note_decided(self, decided: Iterable[tuple[int, State]]) -> None:
        """Note that commands, by packed position, have outcomes."""
        with transaction(self._writer):
            rows = [(state.value, position) for position, state in decided]
            self._writer.executemany("UPDATE commands SET state = ? WHERE position = ?", rows)
        self._checkpoints.run_if_due()

    def count_open(self, partition: int, now: int) -> OpenCounts:
        """Count the open commands of a partition. It takes 60 ms for a million, so it runs in the writing thread."""
        due_count, due_since = self._writer.execute(DUE, (partition, now)).fetchone()
        [delayed_count] = self._writer.execute(DELAYED, (partition, now)).fetchone()
        return OpenCounts(due_count, delayed_count, due_since)

    # Reading

    def position_of(self, partition: int) -> IndexPosition:
        """Return how far a partition is in the index."""
        return IndexPosition(*self._reader.fetch_first(POSITION, partition))

    def identity(self) -> bytes:
        """Return the identity of the log that the index was built from."""
        identity: bytes = self._reader.fetch_first("SELECT identity FROM log")[0]
        return identity

    def find(self, command_id: str) -> IndexedCommand | None:
        """Return a command by its id."""
        row = self._reader.fetch_first("SELECT position, value FROM commands WHERE command_id = ?", command_id)
        return None if row is None else IndexedCommand(*row)

    def value_at(self, position: int) -> bytes:
        """Return the message of a command at a packed position."""
        value: bytes = self._reader.fetch_first("SELECT value FROM commands WHERE position = ?", position)[0]
        return value

    def has_open(self, order_id: str) -> bool:
        """Return whether an order has a command that is not known to be decided."""
        return bool(self._reader.fetch_first(HAS_OPEN, order_id)[0])

    def find_open(self, partition: int, start: Waiting, end: int, limit: int) -> list[Waiting]:
        """Return the next open commands of a partition in the order in which they become due, from `start` on.

        Only those that become due before `end`.
        """
        base = first_packed(partition)
        rows = self._reader.fetch_all(OPEN, (partition, start.due, base | start.offset, end, limit))
        return [Waiting(due, position & (OFFSETS - 1), order_id, bool(late)) for due, position, order_id, late in rows]

    def page(self, order_id: str, states: Sequence[State], after: int, limit: int) -> list[int]:
        """Return the positions of the next commands after a packed position: of an order, in whatever state.

        If the order id is empty, those of all orders in any of the states.
        """
        if order_id:
            return [position for (position,) in self._reader.fetch_all(OF_ORDER, (order_id, after, limit))]
        # One statement, because a command whose state changes between two would be listed twice or not at all.
        statement = " UNION ALL ".join(f"SELECT * FROM ({OF_STATE})" for _ in set(states))
        values = [value for state in set(states) for value in (state.value, after, limit)]
        return sorted(position for (position,) in self._reader.fetch_all(statement, tuple(values)))[:limit]

    def _create_tables(self, identity: bytes, partitions: int) -> None:
        if self._writer.execute(HAS_TABLES).fetchone()[0]:
            return
        with transaction(self._writer):
            execute_statements(self._writer, TABLES)
            self._writer.execute("INSERT INTO log VALUES (?)", (identity,))
            self._writer.executemany("INSERT INTO positions VALUES (?, 0, x'', 0)", [(p,) for p in range(partitions)])
