"""The network between clients and a broker: a relay that cuts connections, and hides the brokers of the cluster.

A broker that is starting may answer a request for metadata with the topics of its cluster, but without brokers.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress

HOST = b"127.0.0.1"
METADATA = 3
LEADER_NOT_AVAILABLE = 5
NO_LIST, EMPTY_LIST, ONE_ELEMENT = b"\x00", b"\x01", b"\x02"
NO_TAGS, NO_TOPIC_ID, NO_OPERATIONS = b"\x00", bytes(16), struct.pack(">i", -(2**31))


class ClientRelay:
    """Relays the connections of clients to the broker at a port of 127.0.0.1.

    It replaces the broker's port in answers by its own, so that clients connect to no other address. While
    `hides_brokers` is true, it answers requests for metadata itself: the cluster has this topic and no broker.
    """

    def __init__(self, broker_port: int, topic: str) -> None:
        self._broker_port, self._topic = broker_port, topic.encode()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self.hides_brokers = False
        self.hidden_count = 0
        """The number of answers without brokers."""

    @property
    def port(self) -> int:
        """The port on which it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def bootstrap(self) -> str:
        """The bootstrap servers of clients."""
        return f"{HOST.decode()}:{self.port}"

    async def start(self) -> None:
        """Start to listen."""
        self._server = await asyncio.start_server(self._relay, HOST.decode(), 0)

    async def close(self) -> None:
        """Stop listening, and cut all connections."""
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Cut all connections. Clients may connect again."""
        for connection in list(self._connections):
            connection.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(OSError, asyncio.IncompleteReadError):
            self._connections.add(writer)
            try:
                broker_reader, broker_writer = await asyncio.open_connection(HOST.decode(), self._broker_port)
                with closing(broker_writer):
                    answering = asyncio.create_task(self._pump_answers(broker_reader, writer))
                    try:
                        await self._pump_requests(reader, writer, broker_writer)
                    finally:
                        answering.cancel()
            finally:
                self._connections.discard(writer)

    async def _pump_answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own, hidden = (HOST + struct.pack(">i", port) for port in (self.port, self._broker_port))
        try:
            while True:
                writer.write(_frame((await _read_frame(reader)).replace(hidden, own)))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()

    async def _pump_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, broker_writer: asyncio.StreamWriter
    ) -> None:
        while True:
            request = await _read_frame(reader)
            kind, version, correlation = struct.unpack_from(">hhi", request)
            if kind == METADATA and self.hides_brokers:
                self.hidden_count += 1
                writer.write(_frame(self._metadata_without_brokers(version, correlation)))
            else:
                broker_writer.write(_frame(request))
                await broker_writer.drain()

    def _metadata_without_brokers(self, version: int, correlation: int) -> bytes:
        """Return an answer of version 9 to 13."""
        assert 9 <= version <= 13
        header = struct.pack(">i", correlation) + NO_TAGS
        throttle_ms, no_controller = struct.pack(">i", 0), struct.pack(">i", -1)
        name = bytes([len(self._topic) + 1]) + self._topic
        topic_id, is_internal = NO_TOPIC_ID if version >= 10 else b"", b"\x00"
        error = struct.pack(">h", LEADER_NOT_AVAILABLE)
        topic = error + name + topic_id + is_internal + EMPTY_LIST + NO_OPERATIONS + NO_TAGS
        end = (NO_OPERATIONS if version <= 10 else b"") + (struct.pack(">h", 0) if version >= 13 else b"") + NO_TAGS
        return header + throttle_ms + EMPTY_LIST + NO_LIST + no_controller + ONE_ELEMENT + topic + end


@asynccontextmanager
async def relay_clients(bootstrap: str, topic: str) -> AsyncIterator[ClientRelay]:
    """Run a relay to the only broker of a cluster."""
    relay = ClientRelay(int(bootstrap.rpartition(":")[2]), topic)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.close()


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    [size] = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(size)


def _frame(content: bytes) -> bytes:
    return struct.pack(">i", len(content)) + content
