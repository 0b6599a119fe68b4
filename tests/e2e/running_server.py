"""A server as an operator runs it, in a separate process."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from select import select
from typing import Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.forked_process import PYTHON_PATH, ForkedProcess, can_fork, run_forked
from tests.ports import find_free_port

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "ordertrail_server.cli")
# Time limits for a slow machine.
START_SECONDS, END_SECONDS = 120.0, 90.0
# A test alone sets them. Those of the machine would export traces of the tests.
_SETTINGS = ("ORDERTRAIL_", "OTEL_")


class RunningServer:
    """`ordertrail serve` on one data directory. After a restart it listens on the same port.

    `stderr` has the output of all starts.
    """

    def __init__(self, data: Path, environment: Mapping[str, str] = {}) -> None:
        self.data = data
        self.address = f"127.0.0.1:{find_free_port()}"
        self._environment = environment
        self._stderr = data.with_name(f"{data.name}.stderr")
        self._process: subprocess.Popen[str] | ForkedProcess | None = None

    def start(self) -> Self:
        """Start it and wait until it listens."""
        self.spawn()
        self.wait_until_listening()
        return self

    def spawn(self, process_group: int | None = None) -> None:
        """Start it and return at once. Process group 0 is a new group, as a shell creates it in a terminal.

        In `make test` the process is forked if it runs the code of this checkout.
        """
        arguments, environment = build_arguments(self.data, self.address), build_environment(self._environment)
        with self._stderr.open("a") as stderr:
            if process_group is None and can_fork(environment):
                self._process = ForkedProcess(arguments[len(COMMAND) :], environment, stderr.fileno())
                return
            self._process = subprocess.Popen(
                arguments,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                process_group=process_group,
            )

    def wait_until_listening(self) -> None:
        """Wait until the server prints its address."""
        stdout = self._running.stdout
        assert stdout is not None
        ready, _, _ = select([stdout], [], [], START_SECONDS)
        line = stdout.readline() if ready else ""
        assert line, f"the server did not start: {self.stderr}"
        self.address = json.loads(line)["listening"]

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._running.kill()
        self._reap()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal and return at once."""
        self._running.send_signal(number)

    def wait(self, seconds: float = END_SECONDS) -> int:
        """Wait until it ends by itself and return its exit code."""
        self._running.wait(seconds)
        return self._reap()

    def stop(self) -> int:
        """Stop it with SIGTERM and return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def close(self) -> None:
        """Kill it if it runs."""
        if self._process is not None:
            self.kill()

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def has_ended(self) -> bool:
        """True if it has ended by itself."""
        return self._running.poll() is not None

    @property
    def stderr(self) -> str:
        return self._stderr.read_text(errors="replace")  # gRPC's core prints what callers sent

    @property
    def faults(self) -> list[str]:
        """The tracebacks in its stderr."""
        return list(_faults(self.stderr))

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def resident_bytes(self) -> int:
        """The memory of the server's own process."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024

    @property
    def projector(self) -> int:
        """The process id of its projector."""
        [child] = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(child)

    @property
    def _running(self) -> "subprocess.Popen[str] | ForkedProcess":
        assert self._process is not None
        return self._process

    def _reap(self) -> int:
        process, self._process = self._running, None
        assert process.stdout is not None
        process.stdout.close()
        return process.wait()


def _faults(stderr: str) -> Iterator[str]:
    for traceback in stderr.split("Traceback (most recent call last):")[1:]:
        is_cause_of_another = (
            "During handling of the above exception" in traceback or "was the direct cause" in traceback
        )
        # gRPC logs a traceback if a caller disconnects before it gets a refusal. This is not an error of the server.
        if not is_cause_of_another and "ExecuteBatchError" not in traceback:
            yield traceback[:4000]


def build_arguments(data: Path, address: str) -> list[str]:
    return [*COMMAND, "serve", "--data", str(data), "--listen", address, "--json"]


def build_environment(overrides: Mapping[str, str] = {}) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    return clean | {"PYTHONPATH": PYTHON_PATH, "ORDERTRAIL_LOG_FORMAT": "text"} | dict(overrides)


def read_start_refusal(data: Path, address: str = "127.0.0.1:0", environment: Mapping[str, str] = {}) -> str:
    """Return the error of a server that refuses to start. Fails if it does not exit with 1, or starts to listen."""
    arguments, variables = build_arguments(data, address), build_environment(environment)
    if can_fork(variables):
        result = run_forked(arguments[len(COMMAND) :], variables, START_SECONDS)
    else:
        result = subprocess.run(
            arguments, env=variables, capture_output=True, text=True, timeout=START_SECONDS, check=False
        )
    assert result.returncode == 1, f"{result.returncode}: {result.stderr}"
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


async def wait_until_serving(
    address: str, service: str = "", serving: bool = True, credentials: grpc.ChannelCredentials | None = None
) -> None:
    """Wait until grpc.health.v1 reports that a service is serving, or is not."""
    open_channel = (
        grpc.aio.insecure_channel if credentials is None else partial(grpc.aio.secure_channel, credentials=credentials)
    )
    expected_status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
    async with asyncio.timeout(START_SECONDS), open_channel(address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=service))
        async for response in watch:
            if response.status == expected_status:
                watch.cancel()
                return
