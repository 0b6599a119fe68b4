"""The process of one audit, as the server sees it."""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail_server.log.source import LogSource
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.projections.audit.frames import DAMAGE, read_frame
from ordertrail_server.projections.audit.scratch_directory import create_scratch_directory, remove_scratch_directory
from ordertrail_server.projections.exit_code import AGAIN, REFUSED
from ordertrail_server.projections.pipe_lines import read_lines

COMMAND = (sys.executable, "-m", "ordertrail_server.projections.audit.process")
EXPECTED_CODES = (AGAIN, REFUSED)

_log = logging.getLogger(__name__)

OnDamage = Callable[[Path, str], None]


class AuditProcess:
    """Runs one audit of a data directory in a process of its own. For one event loop.

    `on_damage` is called with each damaged file that the audit meets.
    """

    def __init__(self, source: LogSource, directory: Path, names: Sequence[str], on_damage: OnDamage) -> None:
        self._source, self._directory, self._names, self._on_damage = source, directory, names, on_damage
        self._process: Process | None = None
        self._is_killed = False

    async def messages(self) -> AsyncGenerator[bytes, None]:
        """Run the audit and yield its messages, serialized. If the caller closes this, the audit ends.

        Raises Refused (UNAVAILABLE) if it cannot run, or `kill` was called.
        """
        try:
            scratch = await asyncio.to_thread(create_scratch_directory, self._directory)
            process = self._process = await self._spawn(scratch)
        except OSError as error:
            raise _unavailable(error.strerror or str(error)) from error
        removal = asyncio.create_task(_remove_after(process, scratch))
        last_line = asyncio.create_task(_read_last_line(process))
        try:
            if self._is_killed:  # before there was a process
                self.kill()
            assert process.stdout is not None
            while (frame := await read_frame(process.stdout)) is not None:
                if frame.kind == DAMAGE:
                    damage = json.loads(frame.contents)
                    self._on_damage(Path(damage["file"]), damage["damage"])
                else:
                    yield frame.contents
            self._refuse_failure(await process.wait(), await last_line)
        finally:
            self.kill()
            await asyncio.shield(removal)

    def kill(self) -> None:
        """End the audit at once; its files are removed. Call it from the event loop."""
        self._is_killed = True
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _spawn(self, scratch: Path) -> Process:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        arguments = (self._source.to_json(), ",".join(self._names), str(scratch))
        try:
            return await asyncio.create_subprocess_exec(
                *COMMAND, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, start_new_session=True
            )
        except BaseException:
            remove_scratch_directory(scratch)
            raise

    def _refuse_failure(self, exit_code: int, reason: str) -> None:
        if self._is_killed:
            raise _unavailable("the server is stopping, or its messages were not read")
        if exit_code in EXPECTED_CODES:
            raise _unavailable(reason)
        if exit_code != 0:
            raise RuntimeError(f"the process of an audit ended with exit code {exit_code}: {reason}")


def _unavailable(reason: str) -> Refused:
    return Refused(Refusal(ERROR_REASON_UNAVAILABLE, f"The audit cannot run: {reason.rstrip('.')}."))


async def _remove_after(process: Process, scratch: Path) -> None:
    await process.wait()
    await asyncio.to_thread(remove_scratch_directory, scratch)


async def _read_last_line(process: Process) -> str:
    last_line = ""
    async for line in read_lines(process.stderr):
        last_line = line.decode(errors="replace").rstrip()
        _log.info("audit: %s", last_line)
    return last_line
