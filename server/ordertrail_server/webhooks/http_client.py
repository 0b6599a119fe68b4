"""The HTTP client of webhooks. It loads aiohttp, so it is imported when the first webhook exists.

It follows no redirect, knows no proxy and no cookies, and connects only to addresses that were checked: the resolver
checks all addresses of a host, and the function that creates a socket checks the very address that it is for.
"""

import os
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import (
    BytesPayload,
    ClientError,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
)
from aiohttp.abc import AbstractResolver, AbstractStreamWriter, ResolveResult
from yarl import URL

from ordertrail_server.webhooks.address_policy import AddressPolicy
from ordertrail_server.webhooks.bounded_connector import RECEIVE_BUFFER, BoundedConnector
from ordertrail_server.webhooks.http_response import HttpResponse, PostFailed, PostingEnded
from ordertrail_server.webhooks.resolver import HostRefused, Resolver

KEEP_ALIVE_S = 10.0
MAX_BODY = 64 * 1024
"""How many bytes of a response's body are read. A connection whose body is longer is closed."""

MAX_HEADERS, HEADER_BYTES = 64, 4 * 1024
EXCERPT = 500
"""How many characters of a response's body are kept."""

SCHEMES = ("https", "http")


class HttpClient:
    """Posts bodies while it `may_post`. For one event loop. Close it at the end."""

    def __init__(
        self, policy: AddressPolicy, resolver: Resolver, context: ssl.SSLContext, may_post: Callable[[], bool]
    ) -> None:
        self._may_post = may_post
        # One for each scheme, because whether an address may be connected to depends on it.
        self._sessions = {scheme: _open_session(scheme, policy, resolver, context) for scheme in SCHEMES}

    async def post(self, url: str, headers: Mapping[str, str], body: str, timeout_s: float) -> HttpResponse:
        """Post a body, and return the response. `timeout_s` is for everything together.

        Raises PostFailed, and PostingEnded if it may not post any more.
        """
        if not self._may_post():
            raise PostingEnded
        target, limit = URL(url, encoded=True), ClientTimeout(total=timeout_s)
        session = self._sessions[target.scheme]
        try:
            async with session.post(
                target,
                data=_GuardedBody(body.encode(), self._may_post),
                headers=headers,
                timeout=limit,
                allow_redirects=False,
            ) as response:
                excerpt = await _read_excerpt(response)
                return HttpResponse(response.status, response.headers.get("Retry-After", ""), excerpt)
        except TimeoutError:
            raise PostFailed(f"no response within {timeout_s:g} s") from None
        except (ClientError, OSError, ValueError) as error:
            if not self._may_post():
                raise PostingEnded from None
            raise PostFailed(_describe(error)) from None

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()


def _open_session(scheme: str, policy: AddressPolicy, resolver: Resolver, context: ssl.SSLContext) -> ClientSession:
    def create_socket(info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        if refusal := policy.find_refusal(scheme, address[0], address[1]):
            raise HostRefused(refusal)
        created = socket.socket(family, kind, protocol)
        created.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        return created

    connector = BoundedConnector(
        resolver=_CheckedResolver(scheme, resolver),
        use_dns_cache=False,
        socket_factory=create_socket,
        ssl=context,
        limit=0,  # connection_share bounds them, and whoever waits here would fail
        keepalive_timeout=KEEP_ALIVE_S,
    )
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        headers={"User-Agent": "ordertrail"},
        skip_auto_headers=("Accept", "Accept-Encoding"),
        max_headers=MAX_HEADERS,
        max_field_size=HEADER_BYTES,
        max_line_size=HEADER_BYTES,
    )


class _GuardedBody(BytesPayload):
    """A body that is sent, with the headers, only if the client still may post once it is connected."""

    def __init__(self, body: bytes, may_post: Callable[[], bool]) -> None:
        super().__init__(body)
        self._may_post = may_post

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if not self._may_post():
            raise PostingEnded  # the library closes the connection
        await super().write_with_length(writer, content_length)


class _CheckedResolver(AbstractResolver):
    def __init__(self, scheme: str, resolver: Resolver) -> None:
        self._scheme, self._resolver = scheme, resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address.host,
                port=port,
                family=address.family,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._resolver.resolve(self._scheme, host, port)
        ]

    async def close(self) -> None:
        pass


async def _read_excerpt(response: ClientResponse) -> str:
    """Read a response's body up to its limit. Its status counts, also if the body does not end in time."""
    content = bytearray()
    try:
        async for chunk in response.content.iter_chunked(EXCERPT):
            content += chunk
            if len(content) >= MAX_BODY:
                break
    except (ClientError, TimeoutError):
        pass
    if not response.content.at_eof():
        response.close()
    return content[: 4 * EXCERPT].decode(errors="replace")[:EXCERPT]


def _describe(error: Exception) -> str:
    if isinstance(error, ClientResponseError):  # its text has the URL, and a status that the receiver did not send
        return f"the response is not valid HTTP: {' '.join(error.message.split())}"[:EXCERPT]
    cause = getattr(error, "os_error", None) or error
    if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ssl.SSLError):
        return os.strerror(cause.errno)
    text = str(cause) or type(cause).__name__
    return text.encode(errors="replace").decode()[:EXCERPT]
