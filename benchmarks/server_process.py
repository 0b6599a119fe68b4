"""The servers under load, each in its own process: Ordertrail, and a bare server that returns constant bytes."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

SERVE = ("-m", "ordertrail_server.cli", "serve", "--listen", "127.0.0.1:0", "--json", "--data")
BARE = ("-m", "benchmarks.server_process")


@contextmanager
def run_process(*arguments: str) -> Iterator[str]:
    """Run `python ARGUMENTS`, which prints {"listening": address} when it is ready; yield the address."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["listening"]
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def run_ordertrail(data: Path) -> Iterator[str]:
    """Run Ordertrail on a data directory; yield the address."""
    with run_process(*SERVE, str(data)) as address:
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
