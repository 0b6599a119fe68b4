"""A server as an operator runs it: a process of its own on a data directory."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from select import select
from typing import Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "ordertrail_server.cli", "serve")
# Bounds on what must happen, on however slow a machine.
START_SECONDS, END_SECONDS = 120.0, 90.0


class RunningServer:
    """`ordertrail serve` on one data directory; restarted, it listens on the port it had before.

    Whatever it writes to stderr, over all starts, is in `stderr`.
    """

    def __init__(self, data: Path, environment: Mapping[str, str] = {}) -> None:
        self.data = data
        self.address = "127.0.0.1:0"
        self._environment = environment
        self._stderr = data.with_name(f"{data.name}.stderr")
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Start it, and return once it says that it answers commands."""
        self.spawn()
        self.listening()
        return self

    def spawn(self, process_group: int | None = None) -> None:
        """Start it, and return at once; with 0 as process group, in one of its own, as a shell does in a terminal."""
        with self._stderr.open("a") as stderr:
            self._process = subprocess.Popen(
                arguments(self.data, self.address),
                env=environment(self._environment),
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                process_group=process_group,
            )

    def listening(self) -> None:
        """Return once it says where it listens."""
        stdout = self._running.stdout
        assert stdout is not None
        ready, _, _ = select([stdout], [], [], START_SECONDS)
        said = stdout.readline() if ready else ""
        assert said, f"the server did not start: {self.stderr}"
        self.address = json.loads(said)["listening"]

    def kill(self) -> None:
        """End it as a power cut would."""
        self._running.kill()
        self._reap()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, and return at once."""
        self._running.send_signal(number)

    def wait(self, seconds: float = END_SECONDS) -> int:
        """Return its exit code, once it has ended by itself."""
        self._running.wait(seconds)
        return self._reap()

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def close(self) -> None:
        """End it if it runs."""
        if self._process is not None:
            self.kill()

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def stderr(self) -> str:
        return self._stderr.read_text()

    @property
    def faults(self) -> list[str]:
        """The tracebacks of its faults."""
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
    def _running(self) -> "subprocess.Popen[str]":
        assert self._process is not None
        return self._process

    def _reap(self) -> int:
        process, self._process = self._running, None
        assert process.stdout is not None
        process.stdout.close()
        return process.wait()


def _faults(stderr: str) -> Iterator[str]:
    for told in stderr.split("Traceback (most recent call last):")[1:]:
        begun_another = "During handling of the above exception" in told or "was the direct cause" in told
        # gRPC logs one where the caller has gone before it could be told of a refusal; that is no fault of ours.
        if not begun_another and "ExecuteBatchError" not in told:
            yield told[:4000]


def arguments(data: Path, address: str) -> list[str]:
    return [*COMMAND, "--data", str(data), "--listen", address, "--json"]


def environment(further: Mapping[str, str] = {}) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ORDERTRAIL_")}
    return clean | {"PYTHONPATH": os.pathsep.join((str(ROOT / "client"), str(ROOT / "server")))} | dict(further)


def refusal_to_start(data: Path, address: str = "127.0.0.1:0") -> str:
    """Return what a server says that must not start here; it ends with 1 and one sentence, and never listens."""
    ended = subprocess.run(
        arguments(data, address), env=environment(), capture_output=True, text=True, timeout=START_SECONDS, check=False
    )
    assert ended.returncode == 1, f"{ended.returncode}: {ended.stderr}"
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    return ended.stderr


async def until_serving(address: str, service: str = "", serving: bool = True) -> None:
    """Return once grpc.health.v1 says that a service is served, or no longer is."""
    wanted = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
    async with asyncio.timeout(START_SECONDS), grpc.aio.insecure_channel(address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=service))
        async for said in watch:
            if said.status == wanted:
                watch.cancel()
                return
