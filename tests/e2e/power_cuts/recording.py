"""A recorded run of a server: what it did to the files of its log, and what it had acknowledged when."""

import asyncio
import subprocess
from bisect import bisect_left
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from tests.e2e.power_cuts.journal import Operation, read_journal
from tests.e2e.power_cuts.traffic import Promises, run_traffic
from tests.e2e.running_server import ROOT, RunningServer, build_arguments, build_environment

from ordertrail.log.v1.submitted_command_pb2 import SubmittedCommand
from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.log.port import AppendLog, Logged


class History(NamedTuple):
    """All messages of a log, in order."""

    records: list[Logged]
    commands: list[Logged]


class Ends(NamedTuple):
    """The ends of the two tables of a log."""

    records: int = 0
    commands: int = 0


class Recording(NamedTuple):
    """A recorded run. `promised` are the ends that callers knew after 0, 1, 2, … operations."""

    initial_file: bytes
    operations: list[Operation]
    promised: list[Ends]
    history: History


class RecordedServer(RunningServer):
    """A server that appends each operation on the files of its log to a journal."""

    def __init__(self, data: Path, journal: Path, synchronous: str) -> None:
        super().__init__(data)
        self._recorder = ("tests.e2e.power_cuts.recorded_server", str(journal), synchronous)

    def spawn(self, process_group: int | None = None) -> None:
        """Start it and return at once."""
        python, option, _, *arguments = build_arguments(self.data, self.address)
        with self._stderr.open("a") as stderr:
            self._process = subprocess.Popen(
                [python, option, *self._recorder, *arguments],
                env=build_environment(),
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                process_group=process_group,
            )


async def record_run(folder: Path, records: int, synchronous: str = "FULL") -> Recording:
    """Record a server that is killed under load, started again, and stopped under load.

    Callers get receipts for about this number of records. Beside that they submit commands.
    """
    data, journal = folder / "data", folder / "journal"
    await open_to_serve(data).close()
    initial_file = (data / "log.sqlite").read_bytes()
    server, promises = RecordedServer(data, journal, synchronous), Promises(journal)
    for end in (server.kill, server.stop):
        server.start()
        async with run_traffic(server.address, end.__name__, promises):
            await promises.wait_for_records(records // 2)
            await asyncio.to_thread(end)
    assert server.faults == []
    history, operations = await read_history(data), list(read_journal(journal))
    promised = _list_promised([size for size, _ in operations], promises, history)
    return Recording(initial_file, [operation for _, operation in operations], promised, history)


async def read_history(data: Path) -> History:
    """Read all messages of a log, and close it. Raises LogDamaged."""
    log = open_to_serve(data)
    try:
        assert log.commands is not None
        return History(await _read_all(log), await _read_all(log.commands))
    finally:
        await log.close()


async def _read_all(log: AppendLog) -> list[Logged]:
    messages = list[Logged]()
    while batch := await log.read(0, len(messages), 10_000):
        messages += batch
    return messages


def _list_promised(sizes: list[int], promises: Promises, history: History) -> list[Ends]:
    """Return the promised ends by the number of operations. `sizes` are those of the journal after each of them."""
    offsets = {SubmittedCommand.FromString(logged.value).command_id: logged.offset for logged in history.commands}
    promised = [Ends()] * (len(sizes) + 1)
    for size, offset in promises.offsets:
        number = bisect_left(sizes, size) + 1
        promised[number] = _later(promised[number], Ends(records=offset + 1))
    for size, command_id in promises.command_ids:
        number = bisect_left(sizes, size) + 1
        promised[number] = _later(promised[number], Ends(commands=offsets[command_id] + 1))
    return list(accumulate(promised, _later))


def _later(first: Ends, second: Ends) -> Ends:
    return Ends(*map(max, first, second))
