"""A reader of the documents, who types what they show, against a server of their own."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT
from tests.e2e.running_server import RunningServer, environment

from ordertrail.client import connect
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.token import write_token

SHOWN_ADDRESS = "127.0.0.1:50051"
STARTS = ("make run", ". .venv/bin/activate", "ordertrail serve")
PROGRAMS = {
    "ordertrail": [sys.executable, "-m", "ordertrail_server.cli"],
    "python": [sys.executable],
    "grpcurl": [str(Path(sys.executable).parent / "grpcurl")],
}


class Reader:
    """Works in `directory`, as in a clone after `make run`: the data directory is `data`, the examples are there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "examples").symlink_to(ROOT / "examples")
        self.server = RunningServer(directory / "data").start()

    async def types(self, command: str) -> str:
        """Run a command, and return all that it prints. It reads what was recorded before it, as a person would."""
        if command.startswith("ordertrail rebuild"):
            assert self.server.stop() == 0
        else:
            await until_current(self.server)
        program, *arguments = shlex.split(command.replace(SHOWN_ADDRESS, self.server.address))
        return self.runs([*PROGRAMS[program], *arguments])

    def runs(self, command: list[str]) -> str:
        """Run a program, and return all that it prints."""
        told = environment({"ORDERTRAIL_TARGET": self.server.address, "PYTHONWARNINGS": "error"})
        return subprocess.run(
            command,
            cwd=self.directory,
            env=os.environ | told,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        ).stdout


async def until_current(server: RunningServer) -> None:
    """Return once a server's reads include all that its log holds now."""
    log = EmbeddedLog.follow(server.data)
    try:
        now = write_token(log.identity, {0: await log.end(0)})
    finally:
        await log.close()
    async with connect(server.address) as orders:
        async for _ in orders.list_orders(page_size=1, at_least_as_fresh=[now], timeout=60):
            break
