"""The projector's process as the server sees it: started, woken, restarted when it dies, and stopped."""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

from ordertrail_server.log.source import LogSource
from ordertrail_server.projections.growth import PACE_S
from ordertrail_server.projections.process import REFUSED
from ordertrail_server.projections.requests import NUDGE, Requests, away
from ordertrail_server.storage.descriptors import describe_shortage, lacks_descriptors

COMMAND = (sys.executable, "-m", "ordertrail_server.projections.process")
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.1, 5.0
LONGEST_LINE = 64 * 1024
# Of three pipes, and one for the event loop itself.
PIPE_ENDS = 8

logger = logging.getLogger(__name__)

OnProgress = Callable[[dict[int, int]], None]


class ProjectorProcess:
    """Runs the projector of a log and passes on how far it is.

    `on_progress` is called on the event loop with {partition: next offset}, first with where the read model stands,
    then after each commit. `failed` is None, or says why the projector is not started again: it refused to go on, or
    watching it failed. `command` is the program, which gets the arguments of `source`.
    """

    def __init__(self, source: LogSource, on_progress: OnProgress, command: Sequence[str] = COMMAND) -> None:
        self._source, self._on_progress, self._command = source, on_progress, command
        self._process: Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._wake_up: asyncio.TimerHandle | None = None
        self._woken = 0.0
        self._backoff_s = FIRST_BACKOFF_S
        self._reached: int | None = None
        self._requests = Requests()
        self.failed: str | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None while there is no process."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the process, and keep it running until `stop`. Raises OSError if it cannot be started at all."""
        self._process = await self._spawn()
        self._keeper = asyncio.create_task(self._keep(self._process))

    async def ended(self) -> str | None:
        """Return when the process is no longer kept running: why (see `failed`), None after `stop`."""
        if self._keeper is not None:
            await asyncio.wait({self._keeper})
        return self.failed

    def nudge(self) -> None:
        """Say that the log has grown. Never blocks, never raises.

        At once, then at most every PACE_S: under load, larger batches leave more of the machine to others.
        """
        if self._wake_up is None:
            loop = asyncio.get_running_loop()
            self._wake_up = loop.call_later(max(0.0, self._woken + PACE_S - loop.time()), self._wake)

    def _wake(self) -> None:
        self._wake_up = None
        self._woken = asyncio.get_running_loop().time()
        stdin = self._stdin()
        # Whatever is still on its way there wakes it as well.
        if stdin is not None and stdin.transport.get_write_buffer_size() == 0:
            stdin.write(NUDGE)

    async def retry(self, order_id: str) -> int | None:
        """Have a parked order's waiting facts read once more, between two batches.

        Returns how many were taken in, None if the order is not parked. Raises Refused (UNAVAILABLE) if the projector
        is away, or ends before it has answered; asking again is safe.
        """
        stdin = self._stdin()
        if stdin is None:
            raise away()
        return await self._requests.retry(order_id, stdin.write)

    def _stdin(self) -> asyncio.StreamWriter | None:
        stdin = None if self._process is None else self._process.stdin
        return None if stdin is None or stdin.is_closing() else stdin

    async def stop(self, grace_s: float) -> None:
        """Let the process finish its batch, for at most `grace_s` seconds, then kill it; both are safe."""
        self._stopping.set()
        self._let_go()
        if self._keeper is not None:
            _, late = await asyncio.wait({self._keeper}, timeout=grace_s)
            if late:
                self._kill()
            await self._keeper

    async def _keep(self, first: Process) -> None:
        try:
            await self._watch(first)
        except Exception as fault:  # unwatched, it would stand still one day, and nobody would know
            logger.exception("the projector can no longer be watched")
            self.failed = f"the projector can no longer be watched, by a fault of the server: {fault}"
            self._kill()

    async def _watch(self, first: Process) -> None:
        process: Process | None = first
        while process is not None:
            exit_code, last_words = await self._attend(process)
            self._process = process = None
            if self._stopping.is_set():
                return
            if exit_code == REFUSED:
                self.failed = last_words
                logger.error("the projector refuses to go on: %s", last_words)
                return
            log_format = "the projector ended with %s and is started again in %.1f s: %s"
            logger.warning(log_format, exit_code, self._backoff_s, last_words)
            process = await self._start_again()

    async def _start_again(self) -> Process | None:
        while True:
            await self._back_off()
            if self._stopping.is_set():
                return None
            try:
                self._process = await self._spawn()
            except OSError as error:  # as when the machine is out of processes or memory for now
                logger.error("the projector could not be started: %s", error)
                continue
            if self._stopping.is_set():
                self._let_go()
            return self._process

    async def _attend(self, process: Process) -> tuple[int, str]:
        _, last_words = await asyncio.gather(self._pass_on(process), self._pass_log(process))
        exit_code = await process.wait()
        self._requests.ended()
        return exit_code, last_words

    async def _back_off(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._backoff_s):
                await self._stopping.wait()
        self._backoff_s = min(2 * self._backoff_s, LONGEST_BACKOFF_S)

    async def _spawn(self) -> Process:
        # A bare checkout runs without an install, so where modules are found is handed on.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = (*self._command, *self._source.arguments())
        try:
            return await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment)
        except OSError as error:
            if lacks_descriptors(PIPE_ENDS):  # the event loop loses this reason
                raise OSError(describe_shortage()) from error
            raise

    def _let_go(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _pass_on(self, process: Process) -> None:
        async for line in _lines(process.stdout):
            try:
                message = json.loads(line)
                if "positions" not in message:
                    self._requests.answered(message)
                    continue
                positions = {int(partition): offset for partition, offset in message["positions"].items()}
                self._note(sum(positions.values()))
                self._on_progress(positions)
            except Exception:  # whatever a line leads to, the next ones must be read, or the projector would stall
                logger.exception("what the projector said could not be passed on")

    def _note(self, reached: int) -> None:
        if self._reached is not None and reached > self._reached:  # at first it only says where the read model stands
            self._backoff_s = FIRST_BACKOFF_S
        self._reached = max(reached, self._reached or 0)

    async def _pass_log(self, process: Process) -> str:
        last = ""
        async for line in _lines(process.stderr):
            last = line.decode(errors="replace").rstrip()
            logger.info("projector: %s", last)
        return last


async def _lines(stream: asyncio.StreamReader | None) -> AsyncIterator[bytes]:
    # A StreamReader's own lines end in a ValueError at one that is too long. Here it comes in pieces.
    assert stream is not None
    partial_line = b""
    while chunk := await stream.read(LONGEST_LINE):
        *lines, partial_line = (partial_line + chunk).split(b"\n")
        if len(partial_line) >= LONGEST_LINE:
            lines, partial_line = [*lines, partial_line], b""
        for line in lines:
            yield line
    if partial_line:
        yield partial_line
