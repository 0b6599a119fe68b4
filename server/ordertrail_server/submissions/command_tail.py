"""The folded commands of one partition: those in memory that are not in the index yet, and those in the index.

The index is written in the background, many commands with one transaction.
"""

import asyncio
from collections import Counter
from concurrent.futures import Executor

from ordertrail_server.log.port import Logged
from ordertrail_server.log.position import LogPosition
from ordertrail_server.schema.submitted_command import SubmittedCommand
from ordertrail_server.submissions.command_index import CommandIndex, IndexedCommand, IndexPosition, NewCommand
from ordertrail_server.submissions.inbox import Waiting

LENGTH = 20_000
"""The most commands in memory that are not in the index yet."""

PAUSE_S = 0.2
"""The pause between two transactions that add commands to the index."""


class CommandTail:
    """Finds commands, and adds them to the index. Every method may raise sqlite3.Error."""

    def __init__(self, partition: int, index: CommandIndex, thread: Executor) -> None:
        self._partition, self._index, self._thread = partition, index, thread
        self._position = index.position_of(partition)
        self.indexed = self._position.next_offset
        """The offset before which all commands are in the index."""

        self._commands: dict[str, IndexedCommand] = {}
        self._values: dict[int, bytes] = {}
        self._orders = Counter[str]()
        self._unwritten: list[NewCommand] = []
        self._grown, self._space = asyncio.Event(), asyncio.Event()

    @property
    def end(self) -> int:
        """The offset after the last folded message."""
        return self._position.next_offset

    def find(self, command_id: str) -> IndexedCommand | None:
        """Return a folded command by its id."""
        return self._commands.get(command_id) or self._index.find(command_id)

    def find_in_memory(self, command_id: str) -> IndexedCommand | None:
        """Return a folded command that is not in the index yet, by its id."""
        return self._commands.get(command_id)

    def value_at(self, offset: int) -> bytes:
        """Return the message of a folded command."""
        value = self._values.get(offset)
        return self._index.value_at(LogPosition(self._partition, offset).pack()) if value is None else value

    def has_open(self, order_id: str) -> bool:
        """Return whether an order has a command that is not known to be decided."""
        return order_id in self._orders or self._index.has_open(order_id)

    def move(self, record: Logged) -> None:
        """Note that a message is folded."""
        self._position = IndexPosition(record.offset + 1, record.digest, self._position.latest)
        self._grown.set()

    def add(self, record: Logged, command: SubmittedCommand, now: int) -> Waiting:
        """Add the command of the message that was folded last, whose id is new; return when it becomes due."""
        waiting = self._waiting(record, command, now)
        command_id = command.command_id
        position = LogPosition(self._partition, record.offset).pack()
        self._commands[command_id] = IndexedCommand(position, record.value)
        self._values[record.offset] = record.value
        self._orders[record.key] += 1
        self._unwritten.append(NewCommand(record, command_id, waiting))
        return waiting

    def _waiting(self, record: Logged, command: SubmittedCommand, now: int) -> Waiting:
        if command.not_before is not None:
            return Waiting(command.not_before, record.offset, record.key, is_delayed=True)
        # The clocks of the servers that stored the commands may differ, but they are decided in the order of the log.
        latest = max(self._position.latest, min(command.submit_time, now))
        self._position = self._position._replace(latest=latest)
        return Waiting(latest, record.offset, record.key, is_delayed=False)

    async def wait_for_space(self) -> None:
        """Return once memory has space for further commands."""
        while len(self._commands) >= LENGTH:
            self._space.clear()
            await self._space.wait()

    async def run(self) -> None:
        """Add folded commands to the index for ever."""
        while True:
            await self._grown.wait()
            self._grown.clear()
            await self._write()
            await asyncio.sleep(PAUSE_S)

    async def flush(self) -> None:
        """Have the index include all folded commands, also those that are folded meanwhile."""
        while self.indexed < self.end:
            await self._write()

    async def _write(self) -> None:
        commands, self._unwritten = self._unwritten, []
        position = self._position
        await asyncio.get_running_loop().run_in_executor(
            self._thread, self._index.add, self._partition, position, commands
        )
        self.indexed = position.next_offset
        for command in commands:
            del self._commands[command.command_id], self._values[command.logged.offset]
        self._orders -= Counter(command.waiting.order_id for command in commands)
        self._space.set()
