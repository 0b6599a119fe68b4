"""The projector as a separate process, so that it takes no CPU time from the commands' process.

    python -m ordertrail_server.projections.process SOURCE NAMES NUMBERS [OPENED]

SOURCE is the log as JSON (LogSource.to_json): {"data": "DIR"}, or {"data": "DIR", "bootstrap": "HOST:PORT", "topic":
"NAME"}. Settings of librdkafka, which can be secret, come from the environment. NAMES are those of the projections,
separated by commas; without `orders` among them, they take the verdicts of its live generation. NUMBERS is a JSON
object of the generations that are not the live ones: {"history": 2}. OPENED are the projections that an earlier process
had open, separated by commas: if the file of one is missing, somebody has removed it, which is reported as damage.

It follows the log of the data directory, or of the topic, and folds it into the files of the projections. Each line
on stdin means that the log has grown, and may hold a request (requests.py), which is handled between two batches. The
end of stdin means that the parent is gone: the process then finishes its batch and ends with 0. After each commit, and
every second while it does not hang, it writes its positions to stdout: {"positions": {"orders": {"0": 123}}}.

If a file is damaged, it writes {"damaged": {"FILE": "the damage"}}; if it needs that file, it ends with DAMAGED. If it
must not continue, it ends with REFUSED and one line on stderr. If the disk or the memory fails it, it ends with FAILED
and such a line. If a restart may help, it ends with AGAIN: the log is unavailable at the start, or another projector
wrote to the files, for example one whose parent was killed within a batch. After a kill it resumes at the last commit.
"""

import gc

if __name__ == "__main__":
    # Almost all that the imports create lives as long as the process, so collections would free nothing. They took a
    # fifth of the imports' time. `tune_garbage_collector` enables them again.
    gc.disable()

import asyncio
import json
import logging
import os
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import IO

from ordertrail_server.garbage_collector import tune_garbage_collector
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.port import Log, LogUnavailable
from ordertrail_server.log.source import LogSource, parse_source
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.projections.build_pace import BATCH as BUILD_BATCH, BuildPace, lower_priority
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.child_pipes import claim_pipes
from ordertrail_server.projections.compared_generation import LiveUnreadable, compare_with_live
from ordertrail_server.projections.dependents import BATCH, Dependents, OnCommit, Positions
from ordertrail_server.projections.engine import Engine
from ordertrail_server.projections.exit_code import AGAIN, DAMAGED, FAILED, REFUSED
from ordertrail_server.projections.fold_traces import find_fold_trace
from ordertrail_server.projections.generation import current_generation
from ordertrail_server.projections.growth_watcher import GrowthWatcher
from ordertrail_server.projections.opened_engine import open_dependents, open_engine
from ordertrail_server.projections.projection_error import OrdersUnavailable, PositionMoved, ProjectionDamaged
from ordertrail_server.storage.checked.error import FileRemoved, find_damaged_file
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import OutOfDescriptors, may_pass
from ordertrail_server.telemetry.process_tracing import start_tracing, stop_tracing

_log = logging.getLogger(__name__)

# In case a wake-up is lost, or the parent sends none.
POLL_S = 0.5
HEARTBEAT_S = 1.0

_report_pipe: int | None = None  # stdout, unless the process has claimed it


class ParentPipe(asyncio.Protocol):
    """The pipe from the parent on stdin: wake-ups, requests, and the parent's end."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._partial_line = b""
        self.requests: deque[bytes] = deque()
        self.is_closed = False

    def data_received(self, data: bytes) -> None:
        """Wake up, because the log has grown; a line that is not empty is a request."""
        *lines, self._partial_line = (self._partial_line + data).split(b"\n")
        self.requests.extend(filter(None, lines))
        self._woken.set()

    def wake(self) -> None:
        """Wake up, because the log has grown."""
        self._woken.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the parent is gone."""
        self.is_closed = True
        self._woken.set()

    async def wait_for_wakeup(self) -> None:
        """Return at the next wake-up, at the latest after POLL_S."""
        try:
            async with asyncio.timeout(POLL_S):
                await self._woken.wait()
        except TimeoutError:
            return
        if not self.is_closed:
            self._woken.clear()


class ParentGone(Exception):
    """The parent process is gone, so the projector ends."""


async def run(
    source: LogSource,
    names: Sequence[str],
    numbers: Mapping[str, int],
    opened_names: Sequence[str],
    requests: IO[bytes],
) -> None:
    """Project until the parent is gone, the end of `requests`.

    Raises what the log and the engine raise; ProjectionDamaged.
    """
    pipe = ParentPipe()
    await asyncio.get_running_loop().connect_read_pipe(lambda: pipe, requests)
    directory = DataDirectory(source.data).projections
    log = await source.follow()
    try:
        _refuse_removed(directory, opened_names, numbers)
        await _project(log, directory, names, numbers, pipe, source.notifies_growth)
    except sqlite3.DatabaseError as error:
        if not _report_damage(error):
            raise
        raise ProjectionDamaged from error
    finally:
        await log.close()


def _refuse_removed(directory: Path, opened_names: Sequence[str], numbers: Mapping[str, int]) -> None:
    """Raise ProjectionDamaged rather than create a file anew: the server still reads the removed one."""
    generations = {name: current_generation(directory, name) for name in opened_names}
    files = [g._replace(number=numbers.get(name, g.number)).file(directory) for name, g in generations.items()]
    removed_files = [file for file in files if not file.exists()]
    for file in removed_files:  # all of them, because one cannot be repaired without another
        _report_damage(FileRemoved(file))
    if removed_files:
        raise ProjectionDamaged


async def _project(
    log: Log,
    directory: Path,
    names: Sequence[str],
    numbers: Mapping[str, int],
    pipe: ParentPipe,
    watches_log: bool,
) -> None:
    with closing(await _open_files(log, directory, names, numbers, pipe)) as engine:
        pace = BuildPace(log) if numbers else None
        growth = GrowthWatcher(log, pipe.wake) if watches_log else None
        tune_garbage_collector()
        await follow(engine, directory, pipe, growth, pace)


async def _open_files(
    log: Log, directory: Path, names: Sequence[str], numbers: Mapping[str, int], pipe: ParentPipe
) -> Engine | Dependents:
    batch = BUILD_BATCH if numbers else BATCH
    if ORDERS in names:
        if not numbers:
            start_tracing()
        return await open_engine(log, directory, names, numbers, batch=batch, trace=find_fold_trace())
    while not pipe.is_closed:
        try:
            return await open_dependents(log, directory, names, numbers, batch=batch)
        except OrdersUnavailable:  # the engine is just starting
            await pipe.wait_for_wakeup()
    raise ParentGone


def _report_damage(error: Exception) -> bool:
    """Report the damaged file that caused an error; return whether there is one."""
    file = find_damaged_file(error)
    if file is not None:
        _send({"damaged": {str(file): str(error)}})
    return file is not None


async def follow(
    engine: Engine | Dependents,
    directory: Path,
    pipe: ParentPipe,
    growth: GrowthWatcher | None,
    pace: BuildPace | None = None,
) -> None:
    """Fold the log and handle requests between batches, until the parent is gone. Raises as run does.

    `pace` is that of a build.
    """

    def on_commit(positions: Positions) -> None:
        _send({"positions": positions, "stopped": engine.stopped})
        if pipe.is_closed:
            raise ParentGone

    _send({"positions": engine.positions, "stopped": engine.stopped})
    reported_at = monotonic()
    damaged_count = _report_damaged_files(engine, 0)
    all_partitions = unfinished = set(engine.partitions)
    while not pipe.is_closed:
        # A partition may grow faster than it is folded; one batch a round gives the others their turn.
        unfinished = await _fold(engine, unfinished, on_commit)
        engine.trim()
        damaged_count = _report_damaged_files(engine, damaged_count)
        if pace is not None and unfinished:
            await pace.pause()
        await _handle_requests(engine, directory, pipe.requests)
        if growth is not None:
            positions = next(iter(engine.positions.values()))
            growth.watch({partition: at for partition, at in positions.items() if partition not in unfinished})
        if not unfinished:
            await pipe.wait_for_wakeup()
        if monotonic() >= reported_at + HEARTBEAT_S:  # without it, a hanging projection would look like an idle one
            _send({"positions": engine.positions, "stopped": engine.stopped})
            reported_at = monotonic()
        unfinished = unfinished | (all_partitions if growth is None else growth.take_grown())


def _report_damaged_files(engine: Engine | Dependents, reported_count: int) -> int:
    """Report the files that were found damaged since, and return their number with those before."""
    if len(engine.damaged) > reported_count:
        _send({"positions": engine.positions, "stopped": engine.stopped})
        _send({"damaged": {str(file): damage for file, damage in engine.damaged.items()}})
    return len(engine.damaged)


async def _fold(engine: Engine | Dependents, partitions: set[int], on_commit: OnCommit) -> set[int]:
    try:
        return await engine.fold_round(partitions, on_commit)
    except LogUnavailable as error:  # the rest is folded once the log is available again
        _log.warning("%s", error)
        return set()


async def _handle_requests(engine: Engine | Dependents, directory: Path, requests: deque[bytes]) -> None:
    while requests:
        request = json.loads(requests.popleft())
        _send({"number": request["number"], **await _answer_request(engine, directory, request)})


async def _answer_request(
    engine: Engine | Dependents, directory: Path, request: Mapping[str, str]
) -> Mapping[str, object]:
    if "retry" in request:
        return {"result": await engine.retry(request["retry"])}
    try:
        return {"result": await compare_with_live(engine, directory, request["compare"])}
    except LiveUnreadable as error:
        _report_damage(error)
        return {"error": str(error)}


def _send(message: Mapping[str, object]) -> None:
    try:
        os.write(sys.stdout.fileno() if _report_pipe is None else _report_pipe, f"{json.dumps(message)}\n".encode())
    except BrokenPipeError:
        raise ParentGone from None


def main() -> int:
    """Run the process and return its exit code."""
    global _report_pipe
    request_pipe, _report_pipe = claim_pipes()
    requests = os.fdopen(request_pipe, "rb", buffering=0)
    if sys.argv[3] != "{}":  # a build must not delay the live generations
        lower_priority()
    source, names, numbers = parse_source(sys.argv[1]), sys.argv[2].split(","), json.loads(sys.argv[3])
    opened_names = list(filter(None, "".join(sys.argv[4:]).split(",")))
    try:
        asyncio.run(run(source, names, numbers, opened_names, requests))
    except ParentGone:
        return 0
    except ProjectionDamaged:
        return DAMAGED
    except (LogUnavailable, OutOfDescriptors, PositionMoved) as error:  # the supervisor tries again
        print(error, file=sys.stderr)
        return AGAIN
    except OperatorError as refusal:
        print(refusal, file=sys.stderr)
        return REFUSED
    except (OSError, sqlite3.OperationalError) as error:
        if not isinstance(error, OSError) and not may_pass(error):
            raise
        print(error, file=sys.stderr)
        return FAILED
    finally:
        stop_tracing()
    return 0


if __name__ == "__main__":
    sys.exit(main())
