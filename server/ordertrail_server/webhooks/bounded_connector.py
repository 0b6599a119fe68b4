"""Connections that receive a bounded number of bytes for each request.

aiohttp has bounds for the headers of a response, but reads any number of interim responses (100 to 199) before it, and
parses all that the operating system has received in one step. So a receiver that only sends those would hold the event
loop for seconds.
"""

import asyncio
from typing import Any

from aiohttp import TCPConnector
from aiohttp.connector import Connection

MAX_RESPONSE = 512 * 1024
"""How many bytes a connection may receive for one request, with all that is no body."""

RECEIVE_BUFFER = 8 * 1024
"""The buffer of a socket, which bounds how much one step parses. The operating system doubles it."""


class BoundedConnector(TCPConnector):
    """Counts what its connections receive, from zero for each request."""

    async def connect(self, *arguments: Any, **options: Any) -> Connection:
        """Return a connection, from the pool or a new one."""
        connection = await super().connect(*arguments, **options)
        transport, protocol = connection.transport, connection.protocol
        if transport is not None and protocol is not None:
            bounded = transport.get_protocol()
            if not isinstance(bounded, _BoundedProtocol):
                bounded = _BoundedProtocol(transport, protocol)
                transport.set_protocol(bounded)
            bounded.received = 0
        return connection


class _BoundedProtocol(asyncio.Protocol):
    """Passes everything to a protocol, until its transport has received too much."""

    def __init__(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        self.received = 0
        self._transport, self._protocol = transport, protocol
        self._error: Exception | None = None

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.received <= MAX_RESPONSE:
            self._protocol.data_received(data)
        elif self._error is None:
            self._error = ConnectionError(f"the response is larger than {MAX_RESPONSE // 1024} KiB")
            self._transport.abort()

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._protocol.connection_lost(self._error or error)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()
