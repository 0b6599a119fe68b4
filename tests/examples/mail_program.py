"""The program of examples/mails in a separate process."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path
from typing import Self

from tests.e2e.running_server import ROOT, build_environment

PROGRAM = ROOT / "examples" / "mails" / "shipment_mails.py"
# As a shell starts a job in the background: it ignores Ctrl-C, and SIGTERM must still end it.
BACKGROUND = ("sh", "-c", 'trap "" INT; exec "$@"', "sh")


class MailProgram:
    """The program with its own address book and notes in `directory`. `options` are further command line options."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.addresses, self.notes = directory / "addresses.json", directory / "sent.sqlite"
        files = ("--addresses", str(self.addresses), "--notes", str(self.notes))
        self._command = (*BACKGROUND, sys.executable, str(PROGRAM), *options, *files, "--retry-seconds", "0.01")
        self._process: Process | None = None

    async def __aenter__(self) -> Self:
        environment = build_environment({"PYTHONWARNINGS": "error"})
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=environment, stdout=PIPE, stderr=STDOUT
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop it as a supervisor does. Fails if it does not end by itself, or has printed anything unread."""
        if self._running.returncode is None:
            self._running.send_signal(signal.SIGTERM)
            output, _ = await asyncio.wait_for(self._running.communicate(), 60)
            assert self._running.returncode == 0
            assert output == b""

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._running.kill()

    async def wait(self) -> int:
        """Wait until it has ended, and return its exit code."""
        return await asyncio.wait_for(self._running.wait(), 60)

    async def read_line(self) -> str:
        """Return the next line that it prints."""
        assert self._running.stdout is not None
        return (await asyncio.wait_for(self._running.stdout.readline(), 60)).decode()

    @property
    def _running(self) -> Process:
        assert self._process is not None
        return self._process
