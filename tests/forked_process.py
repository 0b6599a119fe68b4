"""Processes of `ordertrail` that the fork server starts. It saves the imports, most of the CPU time of a start.

Only `make test` forks. `make trials` starts each process as an operator does.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from select import select
from tempfile import TemporaryFile
from threading import Timer

from tests.trials import IS_QUICK

ROOT = Path(__file__).parents[1]
PYTHON_PATH = os.pathsep.join((str(ROOT / "client"), str(ROOT / "server")))
# Python reads the variables with these names when it starts.
_OF_PYTHON = ("PYTHON", "LC_", "LANG", "TZ")


def can_fork(environment: Mapping[str, str]) -> bool:
    """Return whether a process with this environment may be forked: it needs this checkout and no setting of Python."""
    own, shared = _filter_python(environment), _filter_python(os.environ | {"PYTHONPATH": PYTHON_PATH})
    return IS_QUICK and own == shared


def _filter_python(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_OF_PYTHON)}


@cache
def _start_fork_server() -> tuple[socket.socket, "subprocess.Popen[bytes]"]:
    """Start the fork server of this process. It ends when this process does, by the end of the connection."""
    connection, served = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with served:
        command = [sys.executable, "-m", "tests.fork_server", str(served.fileno())]
        fork_server = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": PYTHON_PATH},
            stdin=subprocess.DEVNULL,
            # Python makes its stream for a pipe, as the forked processes need it.
            stdout=subprocess.PIPE,
            pass_fds=[served.fileno()],
        )
    return connection, fork_server


def stop_fork_server() -> None:
    """Stop the fork server of this process if it runs."""
    if _start_fork_server.cache_info().currsize:
        connection, fork_server = _start_fork_server()
        _start_fork_server.cache_clear()
        connection.close()
        fork_server.communicate()


class ForkedProcess:
    """A process with the attributes of `subprocess.Popen` that tests use. `stdout` is a pipe, stdin is empty."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], stderr: int) -> None:
        output, stdout = os.pipe()
        reports, report = os.pipe()
        request = {"arguments": [*arguments], "environment": {**environment}, "folder": os.getcwd()}
        with open(os.devnull, "rb") as stdin:
            descriptors = [stdin.fileno(), stdout, stderr, report]
            connection, _ = _start_fork_server()
            socket.send_fds(connection, [json.dumps(request).encode()], descriptors)
        os.close(stdout)
        os.close(report)
        self.stdout = os.fdopen(output)
        self._reports = os.fdopen(reports)
        self.pid = int(self._reports.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, None if the process runs."""
        return self._read_exit_code(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the process, and return its exit code. Raises TimeoutExpired."""
        code = self._read_exit_code(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _read_exit_code(self, timeout: float | None) -> int | None:
        if self.returncode is None and select([self._reports], [], [], timeout)[0]:
            self.returncode = int(self._reports.readline())
            self._reports.close()
        return self.returncode


def run_forked(
    arguments: Sequence[str], environment: Mapping[str, str], timeout: float
) -> "subprocess.CompletedProcess[str]":
    """Run a process to its end, and return its output as text. It is killed after `timeout` seconds."""
    with TemporaryFile("w+") as stderr:
        process = ForkedProcess(arguments, environment, stderr.fileno())
        deadline = Timer(timeout, process.kill)
        deadline.start()
        try:
            with process.stdout as stdout:
                output = stdout.read()
            code = process.wait()
        finally:
            deadline.cancel()
        stderr.seek(0)
        return subprocess.CompletedProcess(["ordertrail", *arguments], code, output, stderr.read())
