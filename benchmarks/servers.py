"""The servers under load, each in a process of its own: Ordertrail's, and bare ones that do nothing but answer."""

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
BARE = ("-m", "benchmarks.servers")


@contextmanager
def running(*arguments: str) -> Iterator[str]:
    """Run `python ARGUMENTS`, which says {"listening": address} when it is ready; yields the address."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["listening"]
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def ordertrail(data: Path) -> Iterator[str]:
    """Serve a data directory; yields the address."""
    with running(*SERVE, str(data)) as address:
        yield address


async def bare(body: bytes, frames: int) -> None:
    """Answer every unary call with the same bytes, every stream with that many frames of them."""

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
    asyncio.run(bare(Path(sys.argv[1]).read_bytes(), int(sys.argv[2])))
