"""Supervises the projector's process: starts it, wakes it, restarts it when it dies, and stops it."""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ordertrail_server.log.source import LogSource
from ordertrail_server.projections.exit_code import AGAIN, DAMAGED, REFUSED
from ordertrail_server.projections.pipe_lines import read_lines
from ordertrail_server.projections.requests import WAKE_UP, Requests, projector_unavailable
from ordertrail_server.projections.wake_ups import WakeUps
from ordertrail_server.storage.descriptors import describe_shortage, lacks_descriptors

COMMAND = (sys.executable, "-m", "ordertrail_server.projections.process")
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.1, 5.0
# The descriptors of three pipes, and one for the event loop itself.
PIPE_ENDS = 8

logger = logging.getLogger(__name__)

NO_NUMBERS: Mapping[str, int] = {}
OnProgress = Callable[[str, dict[int, int]], None]
OnDamage = Callable[[Path, str], None]


class ProjectorProcess:
    """Runs the engine of a log with some projections, and reports their progress.

    `on_progress` is called on the event loop with the name of a projection and {partition: next offset}, first with the
    stored positions, then after each commit. `failure` is None, or the reason why the projector is not restarted: it
    refused to continue, or its supervision failed. `restart_reason` is empty, or why it was restarted since its last
    progress, unless it asked for that. `stopped` are the projections that failed alone, with the reasons.
    `on_damage` is called with the file of a projection that is damaged, and the damage. `numbers` are the generations
    that are not the live ones. `command` is the program.
    """

    def __init__(
        self,
        source: LogSource,
        names: Sequence[str],
        on_progress: OnProgress,
        numbers: Mapping[str, int] = NO_NUMBERS,
        command: Sequence[str] = COMMAND,
        on_damage: OnDamage = lambda file, damage: None,
    ) -> None:
        self._source, self._names, self._on_progress, self._command = source, names, on_progress, command
        self._numbers, self._on_damage = numbers, on_damage
        self._opened_names: set[str] = set()
        self.stopped: dict[str, str] = {}
        self._process: Process | None = None
        self._supervision: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._stop_expected = False
        self._wake_ups = WakeUps(self._wake)
        self._backoff_s = FIRST_BACKOFF_S
        self._reached: int | None = None
        self._requests = Requests()
        self.failure: str | None = None
        self.restart_reason = ""
        self._reported_at = 0.0

    @property
    def seconds_since_report(self) -> float:
        """The time since the process was started, or reported last; it reports between batches, and when it waits."""
        return asyncio.get_running_loop().time() - self._reported_at

    @property
    def pid(self) -> int | None:
        """The process id, None while there is no process."""
        return None if self._process is None else self._process.pid

    async def start(self, existing_names: Iterable[str] = ()) -> None:
        """Start the process, and keep it running until `stop`. Raises OSError if it cannot be started at all.

        `existing_names` are the projections whose files exist: if one of them is removed later, that is damage.
        """
        self._opened_names.update(name for name in existing_names if name in self._names)
        self._process = await self._spawn()
        self._supervision = asyncio.create_task(self._supervise(self._process))

    async def wait_ended(self) -> str | None:
        """Return when the process is no longer restarted: the reason (see `failure`), None after `stop`."""
        if self._supervision is not None:
            await asyncio.wait({self._supervision})
        return self.failure

    def notify_growth(self) -> None:
        """Wake the projector, because the log has grown. Never blocks, never raises.

        Under load it is woken at a pace (wake_ups.py): fewer and larger batches take less CPU time.
        """
        self._wake_ups.notify_growth()

    def note_read(self) -> None:
        """Note that a read or a stream may wait for new records, so that the projector is woken sooner."""
        self._wake_ups.note_read()

    def _wake(self) -> None:
        stdin = self._stdin()
        # Unsent bytes will wake it as well.
        if stdin is not None and stdin.transport.get_write_buffer_size() == 0:
            stdin.write(WAKE_UP)

    async def request(self, **request: str) -> Any:
        """Have the process handle a request between two batches (requests.py), and return the result.

        Waits for a process that is being restarted. Raises Refused (UNAVAILABLE) if the process ends before it
        answers, unless it asked for its restart, or is not restarted; repeating it is safe.
        """
        if self._supervision is None or self._supervision.done() or self._stopping.is_set():
            raise projector_unavailable()
        return await self._requests.send(request, self._write_line)

    def _write_line(self, line: bytes) -> None:
        stdin = self._stdin()
        if stdin is not None:
            stdin.write(line)

    def _stdin(self) -> asyncio.StreamWriter | None:
        stdin = None if self._process is None else self._process.stdin
        return None if stdin is None or stdin.is_closing() else stdin

    def expect_stop(self) -> None:
        """Do not warn if the process ends from now on. It is still restarted until `stop`, for running calls.

        A service manager may send SIGTERM to all processes of a server at once.
        """
        self._stop_expected = True

    async def stop(self, grace_s: float) -> None:
        """Let the process finish its batch, for at most `grace_s` seconds, then kill it; both are safe."""
        self._stopping.set()
        self._close_stdin()
        if self._supervision is not None:
            _, pending = await asyncio.wait({self._supervision}, timeout=grace_s)
            if pending:
                self._kill()
            await self._supervision

    async def _supervise(self, first: Process) -> None:
        try:
            await self._restart_until_stopped(first)
        except Exception as fault:  # without supervision it could stop unnoticed
            logger.exception("the supervision of the projector failed")
            self.failure = f"the supervision of the projector failed because of a defect of the server: {fault}"
            self._kill()
        finally:
            self._requests.fail_all()

    async def _restart_until_stopped(self, first: Process) -> None:
        process: Process | None = first
        while process is not None:
            exit_code, last_line = await self._wait_for_exit(process)
            self._process = process = None
            if self._stopping.is_set():
                return
            if exit_code == REFUSED:
                self.failure = last_line or "its process refused to continue and gave no reason"
                logger.error("the projector stopped and is not restarted: %s", last_line)
                return
            if exit_code not in (AGAIN, DAMAGED):
                self.restart_reason = (
                    f"its process ended with exit code {exit_code} and is restarted: {last_line}".rstrip(": ")
                )
            log_format = "the projector ended with exit code %s and is restarted in %.1f s: %s"
            is_expected = self._stop_expected or exit_code == DAMAGED  # damage is reported by itself
            level = logging.DEBUG if is_expected else logging.WARNING
            logger.log(level, log_format, exit_code, self._backoff_s, last_line)
            process = await self._restart()

    async def _restart(self) -> Process | None:
        while True:
            await self._back_off()
            if self._stopping.is_set():
                return None
            try:
                self._process = await self._spawn()
            except OSError as error:  # for example, the machine is out of processes or memory
                logger.error("the projector could not be started: %s", error)
                continue
            if self._stopping.is_set():
                self._close_stdin()
            for line in self._requests.pending_lines:
                self._write_line(line)
            return self._process

    async def _wait_for_exit(self, process: Process) -> tuple[int, str]:
        _, last_line = await asyncio.gather(self._forward_progress(process), self._forward_log(process))
        exit_code = await process.wait()
        if exit_code not in (AGAIN, DAMAGED) or self._stopping.is_set():
            self._requests.fail_all()  # one of them may be the cause
        return exit_code, last_line

    async def _back_off(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._backoff_s):
                await self._stopping.wait()
        self._backoff_s = min(2 * self._backoff_s, LONGEST_BACKOFF_S)

    async def _spawn(self) -> Process:
        # A bare checkout runs without an install, so the child gets the parent's module path.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._reported_at = asyncio.get_running_loop().time()
        command = (
            *self._command,
            self._source.to_json(),
            ",".join(self._names),
            json.dumps(self._numbers),
            ",".join(sorted(self._opened_names)),
        )
        try:
            # Ctrl-C in a terminal goes to the server's whole process group, and would end a child that still starts.
            # uvloop gives a child a group of its own only with a session.
            return await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, start_new_session=True
            )
        except OSError as error:
            if lacks_descriptors(PIPE_ENDS):  # the event loop's error lacks this reason
                raise OSError(describe_shortage()) from error
            raise

    def _close_stdin(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _forward_progress(self, process: Process) -> None:
        async for line in read_lines(process.stdout):
            try:
                self._handle(json.loads(line))
            except Exception:  # the next lines must be read, or the projector would stall
                logger.exception("a message of the projector could not be handled")

    def _handle(self, message: dict[str, Any]) -> None:
        if "positions" in message:
            self.stopped |= message["stopped"]
            self._report(message["positions"])
        elif "damaged" in message:
            for file, damage in message["damaged"].items():
                self._on_damage(Path(file), damage)
        else:
            self._requests.resolve(message)

    def _report(self, positions_by_name: dict[str, dict[str, int]]) -> None:
        self._opened_names |= positions_by_name.keys()
        self._note_progress(sum(sum(positions.values()) for positions in positions_by_name.values()))
        for name, positions in positions_by_name.items():
            try:
                self._on_progress(name, {int(partition): offset for partition, offset in positions.items()})
            except Exception:  # the other projections' progress must be reported
                logger.exception("the progress of %s could not be reported", name)

    def _note_progress(self, reached: int) -> None:
        self._reported_at = asyncio.get_running_loop().time()
        if self._reached is not None and reached > self._reached:  # the first report is the stored position
            self._backoff_s, self.restart_reason = FIRST_BACKOFF_S, ""
        self._reached = max(reached, self._reached or 0)

    async def _forward_log(self, process: Process) -> str:
        last = ""
        async for line in read_lines(process.stderr):
            last = line.decode(errors="replace").rstrip()
            logger.info("projector: %s", last)
        return last
