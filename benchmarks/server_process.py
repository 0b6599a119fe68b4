"""The servers under load, each in its own process: Ordertrail, and a bare server that returns constant bytes."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from benchmarks.server_output import hide_unless_failed
from benchmarks.table import MeasurementFailed

SERVE = ("-m", "ordertrail_server.cli", "serve", "--listen", "127.0.0.1:0", "--json", "--data")
BARE = ("-m", "benchmarks.server_process")


def build_environment(overrides: Mapping[str, str] = {}) -> dict[str, str]:
    """Return the environment of a Python process that imports from the same folders as this one."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **overrides}


@contextmanager
def start_process(*arguments: str, overrides: Mapping[str, str] = {}) -> "Iterator[subprocess.Popen[str]]":
    """Start `python ARGUMENTS`, with other environment variables; kill it at the end if it still runs."""
    command, environment = [sys.executable, *arguments], build_environment(overrides)
    with (
        hide_unless_failed() as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def wait_until_listening(process: "subprocess.Popen[str]") -> str:
    """Wait until a server prints {"listening": address}; return the address."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise MeasurementFailed(f"a server ended with exit code {process.wait()} before it listened")
    address: str = json.loads(line)["listening"]
    return address


@contextmanager
def run_process(*arguments: str, overrides: Mapping[str, str] = {}) -> Iterator[str]:
    """Run `python ARGUMENTS`, which prints its address when it listens; yield the address."""
    with start_process(*arguments, overrides=overrides) as process:
        try:
            yield wait_until_listening(process)
        finally:
            process.terminate()
            process.wait()


def wait_until_serving(address: str) -> None:
    """Wait until a server of ours has folded its log. This has no time limit, because it depends on the machine."""
    with grpc.insecure_channel(address) as channel:
        watch = HealthStub(channel).Watch(HealthCheckRequest())
        if not any(response.status == HealthCheckResponse.SERVING for response in watch):
            raise MeasurementFailed("a server stopped before it had folded its log")


@contextmanager
def run_ordertrail(data: Path, policy: Path | None = None) -> Iterator[str]:
    """Run Ordertrail on a data directory, with a policy file if there is one; yield the address once it serves."""
    overrides = {} if policy is None else {"ORDERTRAIL_POLICY": str(policy)}
    with run_process(*SERVE, str(data), overrides=overrides) as address:
        wait_until_serving(address)
        yield address


async def serve_constant(body: bytes, frames: int) -> None:
    """Answer every unary call with `body`, and every stream with `frames` frames of it."""

    async def echo(_request: bytes, _context: Any) -> bytes:
        return body

    async def stream(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
        for _ in range(frames):
            yield body

    handlers = {
        "Echo": grpc.unary_unary_rpc_method_handler(echo),
        "Stream": grpc.unary_stream_rpc_method_handler(stream),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Bare", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"listening": f"127.0.0.1:{port}"}), flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve_constant(Path(sys.argv[1]).read_bytes(), int(sys.argv[2])))
