"""The HTTP client of webhooks with another resolver or policy, and a server that writes what it likes."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tests.webhooks.receiver import Receiver

from ordertrail_server.webhooks import resolver as resolver_module
from ordertrail_server.webhooks.address_policy import AddressPolicy, parse_networks
from ordertrail_server.webhooks.http_client import HttpClient
from ordertrail_server.webhooks.http_response import HttpResponse
from ordertrail_server.webhooks.resolver import Resolver
from ordertrail_server.webhooks.tls import load_tls

LOOPBACK = AddressPolicy(parse_networks("127.0.0.0/8"))
BODY = '{"a":"ü"}'
shared_tls = cache(load_tls)  # it reads all certificates of the system


def resolve_to(*addresses: str) -> Any:
    """Return a stand-in for the operating system's resolver, which knows the same addresses for every host."""

    def look_up(host: str, port: int) -> Sequence[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return look_up


@asynccontextmanager
async def open_client(
    policy: AddressPolicy = LOOPBACK,
    look_up: Any = resolver_module.look_up,
    ca_file: Path | None = None,
    may_post: Callable[[], bool] = lambda: True,
) -> AsyncIterator[HttpClient]:
    client = HttpClient(policy, Resolver(policy, look_up), shared_tls(ca_file), may_post)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def run_raw_server(write: Callable[[asyncio.StreamWriter], Coroutine[Any, Any, None]]) -> AsyncIterator[int]:
    """Answer each connection as `write` does; yields the port."""
    calls: list[asyncio.Task[None]] = []

    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(asyncio.create_task(write(writer)))
        try:
            await asyncio.wait(calls)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])
        for call in calls:
            call.cancel()


async def post(client: HttpClient, url: str, timeout_s: float = 30.0) -> HttpResponse:
    return await client.post(url, {"Content-Type": "text/plain", "webhook-id": "1"}, BODY, timeout_s)


def url_of(receiver: Receiver, host: str = "127.0.0.1", scheme: str = "http") -> str:
    return f"{scheme}://{host}:{receiver.port}/orders?key=a%2Fb"
