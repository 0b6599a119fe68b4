"""A simulated reader of the documents, who runs their commands against a server."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.docs.pages import ROOT
from tests.e2e.running_server import RunningServer, build_environment

from ordertrail.client import connect
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.token import write_token

PAGE_ADDRESS = "127.0.0.1:50051"
START_COMMANDS = ("make run", ". .venv/bin/activate", "ordertrail serve")
STOPPED_COMMANDS = ("ordertrail rebuild", "ordertrail audit --data")
"""Commands that need a stopped server."""
PROGRAMS = {
    "ordertrail": [sys.executable, "-m", "ordertrail_server.cli"],
    "python": [sys.executable],
    "grpcurl": [str(Path(sys.executable).parent / "grpcurl")],
}


class Reader:
    """A reader in `directory`, which has `data` and the examples, like a clone after `make run`."""

    def __init__(self, directory: Path, environment: Mapping[str, str] = {}) -> None:
        self.directory = directory
        (directory / "examples").symlink_to(ROOT / "examples")
        self.server = RunningServer(directory / "data", environment).start()

    async def run_command(self, command: str) -> str:
        """Run a command line of a page once queries include all earlier events, and return its output."""
        if command.startswith(STOPPED_COMMANDS):
            assert not self.server.running or self.server.stop() == 0
        else:
            await wait_until_current(self.server)
        return self.run_offline(command)

    def run_offline(self, command: str) -> str:
        """Run a command line of a page at once, and return its output. It may need no server."""
        program, *arguments = shlex.split(command.replace(PAGE_ADDRESS, self.server.address))
        return self.run_program([*PROGRAMS[program], *arguments])

    def run_program(self, command: list[str]) -> str:
        """Run a program, and return its output."""
        settings = build_environment({"ORDERTRAIL_TARGET": self.server.address, "PYTHONWARNINGS": "error"})
        return subprocess.run(
            command,
            cwd=self.directory,
            env=os.environ | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        ).stdout


async def wait_until_current(server: RunningServer) -> None:
    """Wait until a server's queries include everything that its log holds now."""
    log = EmbeddedLog.follow(server.data)
    try:
        token = write_token(log.identity, {0: await log.end(0)})
    finally:
        await log.close()
    async with connect(server.address) as orders:
        async for _ in orders.list_orders(page_size=1, at_least_as_fresh=[token], timeout=60):
            break
