"""Whatever path a call names, its answer is UNIMPLEMENTED, and the server goes on. A server that cannot listen ends."""

import asyncio

import pytest
from tests.e2e.http2_frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    SETTINGS,
    build_frame,
    encode_headers,
)
from tests.e2e.running_server import RunningServer, wait_until_serving

from ordertrail_server.edge.call_acceptor import ListeningFailed
from ordertrail_server.edge.gate import Gate
from ordertrail_server.edge.server import Server

MIB = 1024 * 1024
UNIMPLEMENTED = b"grpc-status\x0212"


PATHS = (b"/ordertrail.v1.OrderCommandService/\xff", b"\x80", b"/a/\xc3\x28", b"/", b"", b"no slash")


async def test_paths_of_no_rpc_are_unimplemented_and_the_server_goes_on(server: RunningServer) -> None:
    server.start()
    for path in PATHS:
        assert UNIMPLEMENTED in await call_path(server.address, path), path
    assert UNIMPLEMENTED in await call_path(server.address, b"/a/b", (b"ordertrail-actor", b"\xff\xfe"))
    await wait_until_serving(server.address)
    assert server.stop() == 0
    assert "ERROR" not in server.stderr


async def test_server_whose_library_fails_raises_listening_failed() -> None:
    server = Server(MIB, MIB, Gate())
    await server._start()
    failed_loop = asyncio.get_running_loop().create_future()
    failed_loop.set_exception(ValueError("a fault"))
    server._server._server._serving_task_crash_handler(failed_loop)
    with pytest.raises(ListeningFailed, match="a fault"):
        await server.raise_on_failure()


async def call_path(address: str, path: bytes, *headers: tuple[bytes, bytes]) -> bytes:
    """Call a path with an empty message. Return the first bytes of the answer, up to its status."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    names = {b":method": b"POST", b":scheme": b"http", b":path": path, b":authority": b"localhost", b"te": b"trailers"}
    block = encode_headers([*names.items(), (b"content-type", b"application/grpc"), *headers])
    writer.write(PREFACE + build_frame(SETTINGS, 0, 0, b"") + build_frame(HEADERS, END_HEADERS, 1, block))
    writer.write(build_frame(DATA, END_STREAM, 1, bytes(5)))
    answer = b""
    async with asyncio.timeout(30):
        while b"grpc-status" not in answer and (chunk := await reader.read(65_536)):
            answer += chunk
    writer.close()
    return answer
