"""The command line and the server, as separate processes like those of a user."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.forked_process import PYTHON_PATH, can_fork, run_forked

ROOT = Path(__file__).parents[2]
ORDERTRAIL = [sys.executable, "-m", "ordertrail_server.cli"]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": PYTHON_PATH,
    "COLUMNS": "80",
    "ORDERTRAIL_GRACE_SECONDS": "1",
    "ORDERTRAIL_LOG_FORMAT": "text",
}


class CommandLine:
    """Runs `ordertrail` against the server at `target`."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.environment = {**ENVIRONMENT, "ORDERTRAIL_TARGET": target}

    def run(self, *args: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end. In `make test` its process is forked."""
        if can_fork(self.environment):
            return run_forked(args, self.environment, timeout=60)
        return subprocess.run(
            [*ORDERTRAIL, *args], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )

    def run_as(
        self, environment: dict[str, str], *args: str | bytes, stdout: IO[bytes] | int = subprocess.PIPE
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a command to its end, with more in its environment, and with output that is not decoded."""
        return subprocess.run(
            [*ORDERTRAIL, *args],
            env={**self.environment, **environment},
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )

    def lines(self, *args: str) -> list[Any]:
        """Run a command with --json that must succeed; return its lines as values."""
        result = self.run(*args, "--json")
        assert result.returncode == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    def record(self, *args: str) -> list[Any]:
        """Run a command that records facts, as `lines` does, and wait until every projection includes them."""
        values = self.lines(*args)
        self.wait_until_projected()
        return values

    def wait_until_projected(self) -> None:
        """Wait until every projection includes all of the log."""
        while not all(map(_is_projected, self.lines("projections", "list"))):
            time.sleep(0.1)

    def start(self, *args: str) -> "subprocess.Popen[str]":
        """Start a command."""
        return subprocess.Popen(
            [*ORDERTRAIL, *args], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


def _is_projected(projection: Any) -> bool:
    live = [one for one in projection.get("generations", []) if one["state"] == "GENERATION_STATE_LIVE"]
    return live != [] and "lagCount" not in live[0]


def start_server(data: Path, listen: str = "127.0.0.1:0", **environment: str) -> tuple["subprocess.Popen[str]", str]:
    """Start a server; return it with its address as soon as it listens."""
    server = subprocess.Popen(
        [*ORDERTRAIL, "serve", "--data", str(data), "--listen", listen, "--json"],
        env={**ENVIRONMENT, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    return server, json.loads(server.stdout.readline())["listening"]


@contextmanager
def serve_directory(data: Path, listen: str = "127.0.0.1:0", **environment: str) -> Iterator[str]:
    """Serve a data directory; yields the address."""
    server, address = start_server(data, listen, **environment)
    try:
        yield address
    finally:
        stop(server)


def stop(process: "subprocess.Popen[str]") -> None:
    """End a process and close its pipes. Kill it if it does not end."""
    process.terminate()
    try:
        process.communicate(timeout=20)
    finally:
        process.kill()
