"""The projector in a process of its own, so that commands keep their core.

    python -m ordertrail_server.projections.process --data DIR [--bootstrap HOST:PORT] [--topic NAME]

It follows the log of the data directory, or of the topic, and folds it into the read model in the directory. Its life
hangs on stdin alone: each line says that the log has grown, and may hold a request (requests.py), which is done between
two batches; its end says that the parent is gone; then the batch at hand is finished and the process ends, with 0.
After each commit one line on stdout says how far it is: {"positions": {"0": 123}}. If it must not go on, it ends with
REFUSED and one plain line on stderr; with AGAIN where it may go on once it is started again: the log cannot be reached
when it starts, or another projector wrote to the read model, as one whose parent was killed in the middle of a batch
does. Killed at any moment it resumes where the last commit was.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.port import Log, LogDamaged, LogRefused, LogUnavailable
from ordertrail_server.log.source import LogSource, add_arguments
from ordertrail_server.projections.definition import read_model_file
from ordertrail_server.projections.growth import Growth
from ordertrail_server.projections.projector import Committed, Projector
from ordertrail_server.projections.refused import PositionMoved, ReadModelRefused
from ordertrail_server.storage.lock import DataDirectoryRefused
from ordertrail_server.storage.sqlite import OutOfDescriptors, is_damage, sqlite3

_log = logging.getLogger(__name__)

REFUSED = 3
AGAIN = 4
# In case a wake-up got lost, and for a parent that gives none.
POLL_S = 0.5


class Life(asyncio.Protocol):
    """What stdin says: whether the log has grown since the last look, what is asked, whether the parent is gone."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._partial_line = b""
        self.requests: deque[bytes] = deque()
        self.over = False

    def data_received(self, data: bytes) -> None:
        """The log has grown; a line that holds anything is a request."""
        *lines, self._partial_line = (self._partial_line + data).split(b"\n")
        self.requests.extend(filter(None, lines))
        self._woken.set()

    def wake(self) -> None:
        """Something else says that the log has grown."""
        self._woken.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The parent is gone."""
        self.over = True
        self._woken.set()

    async def woken(self) -> None:
        """Return when stdin says something, at the latest after POLL_S."""
        try:
            async with asyncio.timeout(POLL_S):
                await self._woken.wait()
        except TimeoutError:
            return
        if not self.over:
            self._woken.clear()


class ParentGone(Exception):
    """There is nobody left to project for."""


async def run(source: LogSource) -> None:
    """Project until the parent is gone. Raises what the log and the projector raise; ReadModelRefused on damage."""
    life = Life()
    await asyncio.get_running_loop().connect_read_pipe(lambda: life, sys.stdin)
    path = read_model_file(DataDirectory(source.data).read_model)
    log = await source.follow()
    try:
        await _project(log, path, life, source.notifies_growth)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        raise _damaged(path, error) from error
    finally:
        await log.close()


async def _project(log: Log, path: Path, life: Life, told_by_log: bool) -> None:
    with closing(await Projector.open(log, path)) as projector:
        growth = Growth(log, life.wake) if told_by_log else None
        await follow(projector, life, growth)


def _damaged(path: Path, error: sqlite3.Error) -> ReadModelRefused:
    return ReadModelRefused(
        f"the read model {path} is damaged ({error}); stop the server and run `ordertrail rebuild`, or delete it"
    )


async def follow(projector: Projector, life: Life, growth: Growth | None) -> None:
    """Fold all that comes, and answer requests between two batches, until the parent is gone. Raises as run does."""

    def committed(positions: Mapping[int, int]) -> None:
        _say({"positions": positions})
        if life.over:
            raise ParentGone
        # Here too: while the log grows faster than it is folded, there is no end to catch up with.
        _answer(projector, life.requests)

    _say({"positions": projector.positions})
    everywhere = unfinished = set(projector.positions)
    while not life.over:
        # A partition that grows faster than it is folded is behind for ever; the others have their turn beside it.
        unfinished = await _fold(projector, unfinished, committed)
        projector.trim()
        _answer(projector, life.requests)
        if growth is not None:
            growth.watch(
                {partition: at for partition, at in projector.positions.items() if partition not in unfinished}
            )
        if not unfinished:
            await life.woken()
        unfinished = unfinished | (everywhere if growth is None else growth.grown())


async def _fold(projector: Projector, partitions: set[int], committed: Committed) -> set[int]:
    try:
        return await projector.fold_round(partitions, committed)
    except LogUnavailable as error:  # what was folded stands; the rest is there when the log is again
        _log.warning("%s", error)
        return set()


def _answer(projector: Projector, requests: deque[bytes]) -> None:
    while requests:
        request = json.loads(requests.popleft())
        _say({"number": request["number"], "taken_in": projector.retry(request["retry"])})


def _say(message: Mapping[str, object]) -> None:
    try:
        os.write(sys.stdout.fileno(), f"{json.dumps(message)}\n".encode())
    except BrokenPipeError:
        raise ParentGone from None


def main() -> int:
    """Run the process and return its exit code."""
    arguments = argparse.ArgumentParser(prog="python -m ordertrail_server.projections.process")
    source_of = add_arguments(arguments)
    # Signals to the whole group are for the parent, which lets its calls finish first: they may still need us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    source = source_of(arguments.parse_args())
    try:
        asyncio.run(run(source))
    except ParentGone:
        return 0
    except (ReadModelRefused, DataDirectoryRefused, LogDamaged, LogRefused) as refusal:
        print(refusal, file=sys.stderr)
        return REFUSED
    except (
        LogUnavailable,
        OutOfDescriptors,
        PositionMoved,
    ) as passing:  # whoever keeps the process running tries again
        print(passing, file=sys.stderr)
        return AGAIN
    return 0


if __name__ == "__main__":
    sys.exit(main())
