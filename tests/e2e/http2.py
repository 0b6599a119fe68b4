"""HTTP/2 connections to a server, passed on byte by byte while their frames are counted (RFC 9113, section 4.1)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import NamedTuple

HEADER_BYTES = 9
PING, GOAWAY, ACK = 6, 7, 1


class Frame(NamedTuple):
    """One frame, as far as it is looked at."""

    kind: int
    flags: int
    payload: bytes


class Relay:
    """Counts the connections, and on them what the server says of pings."""

    def __init__(self, server: str) -> None:
        self._host, _, port = server.rpartition(":")
        self._port = int(port)
        self._progress = asyncio.Event()
        self.connections = self.answered_pings = 0
        self.goaways: list[bytes] = []

    async def until_answered(self, pings: int) -> None:
        """Return when the server has answered so many pings, or sent a client away."""
        while self.answered_pings < pings and not self.goaways:
            self._progress.clear()
            await self._progress.wait()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on until one of its ends closes it."""
        self.connections += 1
        to_client = _Frames(self._note)
        from_server, to_server = await asyncio.open_connection(self._host, self._port)
        ways = [_copy(reader, to_server, lambda _: None), _copy(from_server, writer, to_client.take)]
        tasks = [asyncio.create_task(way) for way in ways]
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
            self.goaways.append(frame.payload[8:])  # behind the last stream and the error code: why
        self._progress.set()


@asynccontextmanager
async def relay_to(server: str) -> AsyncIterator[tuple[Relay, str]]:
    """Listen for connections to the server; yields the relay and its address."""
    relay = Relay(server)
    listening = await asyncio.start_server(relay.pass_on, "127.0.0.1", 0)
    async with listening:
        yield relay, f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"


class _Frames:
    """Takes bytes apart into frames, however they were cut on their way."""

    def __init__(self, note: Callable[[Frame], None]) -> None:
        self._note, self._rest = note, b""

    def take(self, chunk: bytes) -> None:
        self._rest += chunk
        for frame in self._whole():
            self._note(frame)

    def _whole(self) -> Iterator[Frame]:
        while len(self._rest) >= HEADER_BYTES:
            end = HEADER_BYTES + int.from_bytes(self._rest[:3])
            if len(self._rest) < end:
                return
            frame, self._rest = self._rest[:end], self._rest[end:]
            yield Frame(frame[3], frame[4], frame[HEADER_BYTES:])


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, see: Callable[[bytes], None]) -> None:
    while chunk := await reader.read(65_536):
        see(chunk)
        writer.write(chunk)
        await writer.drain()
