"""A relay of HTTP/2 connections that counts their frames (RFC 9113, section 4.1)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import NamedTuple

HEADER_BYTES = 9
PING, GOAWAY, ACK = 6, 7, 1


class Frame(NamedTuple):
    """The parts of a frame that the relay needs."""

    kind: int
    flags: int
    payload: bytes


class Relay:
    """Counts connections, answered pings and GOAWAY frames."""

    def __init__(self, server: str) -> None:
        self._host, _, port = server.rpartition(":")
        self._port = int(port)
        self._progress = asyncio.Event()
        self.connections = self.answered_pings = 0
        self.goaways: list[bytes] = []

    async def wait_until_answered(self, pings: int) -> None:
        """Wait until the server has answered this number of pings, or has sent GOAWAY."""
        while self.answered_pings < pings and not self.goaways:
            self._progress.clear()
            await self._progress.wait()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection until one side closes it."""
        self.connections += 1
        to_client = _Frames(self._note)
        from_server, to_server = await asyncio.open_connection(self._host, self._port)
        copies = [_copy(reader, to_server, lambda _: None), _copy(from_server, writer, to_client.take)]
        tasks = [asyncio.create_task(copy) for copy in copies]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            to_server.close()
            writer.close()

    def _note(self, frame: Frame) -> None:
        if frame.kind == PING and frame.flags & ACK:
            self.answered_pings += 1
        elif frame.kind == GOAWAY:
            self.goaways.append(frame.payload[8:])  # the reason, after the last stream and the error code
        self._progress.set()


@asynccontextmanager
async def relay_to(server: str) -> AsyncIterator[tuple[Relay, str]]:
    """Listen for connections to the server; yields the relay and its address."""
    relay = Relay(server)
    listener = await asyncio.start_server(relay.pass_on, "127.0.0.1", 0)
    async with listener:
        yield relay, f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"


class _Frames:
    """Splits a stream of bytes into frames."""

    def __init__(self, on_frame: Callable[[Frame], None]) -> None:
        self._on_frame, self._buffer = on_frame, b""

    def take(self, chunk: bytes) -> None:
        self._buffer += chunk
        for frame in self._complete_frames():
            self._on_frame(frame)

    def _complete_frames(self) -> Iterator[Frame]:
        while len(self._buffer) >= HEADER_BYTES:
            end = HEADER_BYTES + int.from_bytes(self._buffer[:3])
            if len(self._buffer) < end:
                return
            frame, self._buffer = self._buffer[:end], self._buffer[end:]
            yield Frame(frame[3], frame[4], frame[HEADER_BYTES:])


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_chunk: Callable[[bytes], None]) -> None:
    while chunk := await reader.read(65_536):
        on_chunk(chunk)
        writer.write(chunk)
        await writer.drain()
