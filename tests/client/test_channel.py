"""The client connects to a server on this machine directly, even if the environment names a proxy."""

import asyncio

import pytest
from tests.client.stub_server import StubServer, serve_stub

from ordertrail.channel import is_loopback
from ordertrail.client import connect
from ordertrail.errors import Unavailable

PROXIES = ["http_proxy", "https_proxy", "grpc_proxy"]


@pytest.mark.parametrize("name", PROXIES)
async def test_server_on_this_machine_is_reached_without_proxy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serve_stub(StubServer()) as client:
        await client.reach(5)
        assert (await client.get("o-1")).order_id == "o-1"


async def first_line_to_proxy(target: str, monkeypatch: pytest.MonkeyPatch, **options: int) -> bytes:
    """Return the first line that a client sends to a proxy, which refuses it."""
    first_line: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        if not first_line.done():
            first_line.set_result(line)
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        async with connect(target, options=[*options.items()]) as client:
            with pytest.raises(Unavailable):
                await client.get("o-1", timeout=10)
    async with asyncio.timeout(10):
        return await first_line


async def test_other_server_is_reached_through_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await first_line_to_proxy("orders.example:50051", monkeypatch)).startswith(b"CONNECT orders.example:50051 ")


async def test_options_of_caller_override_those_of_client(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"grpc.enable_http_proxy": 1}
    assert (await first_line_to_proxy("localhost:50051", monkeypatch, **own)).startswith(b"CONNECT localhost:50051 ")


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1:50051",
        "127.8.8.8:50051",
        "localhost:50051",
        "LOCALHOST",
        "[::1]:50051",
        "dns:localhost:50051",
        "dns:///127.0.0.1:50051",
        "dns://8.8.8.8/localhost:50051",
        "ipv4:127.0.0.1:50051",
        "ipv6:[::1]:50051",
    ],
)
def test_target_is_loopback(target: str) -> None:
    assert is_loopback(target)


@pytest.mark.parametrize(
    "target",
    [
        "orders.example:50051",
        "10.0.0.1:50051",
        "localhost.example:1",
        "[2001:db8::1]:1",
        "dns:///10.0.0.1",
        "",
        "[",
        "[x]:1",
    ],
)
def test_target_is_not_loopback(target: str) -> None:
    assert not is_loopback(target)
