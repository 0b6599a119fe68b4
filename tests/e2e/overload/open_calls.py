"""Calls over one HTTP/2 connection, at a rate or so many at once, whatever the server answers.

gRPC's Python client takes longer for a call than the server for its refusal, and the two share the machine. This client
writes prepared bytes, and reads no more of an answer than its frames (RFC 9113).
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from tests.e2e.http2_frames import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    build_frame,
    encode_headers,
)

INITIAL_WINDOW_SIZE = 4
FRAME_HEADER_BYTES, MESSAGE_HEADER_BYTES, WINDOW_BYTES = 9, 5, 65_535
CANCEL = (8).to_bytes(4)
ROUND_S = 0.001


@dataclass
class Outcomes:
    """The answers of calls with the seconds that each took, and the numbers of calls without an answer."""

    answers: list[bytes] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    refused_count: int = 0
    late_count: int = 0

    @property
    def p99(self) -> float:
        """The 99th percentile of the seconds to an answer."""
        return sorted(self.latencies)[len(self.latencies) * 99 // 100] if self.latencies else float("nan")


class OpenCalls(asyncio.Protocol):
    """A connection for calls of one rpc, each with the same deadline."""

    def __init__(self, path: str, deadline_s: float) -> None:
        self._headers, self._deadline_s = _build_headers(path, deadline_s), deadline_s
        self._transport: Any = None
        self._window, self._next_stream, self._unread = WINDOW_BYTES, 1, b""
        self._begins: dict[int, float] = {}
        self._bodies: dict[int, bytes] = {}
        self._unsent: deque[tuple[int, bytes]] = deque()
        self.outcomes = Outcomes()

    async def call_at_rate(self, messages: Sequence[bytes], rate: float) -> Outcomes:
        """Begin `rate` calls a second, and return the outcomes once all have ended."""
        self.outcomes = Outcomes()
        begin, begun_count = time.monotonic(), 0
        while begun_count < len(messages):
            due_count = int((time.monotonic() - begin) * rate)
            self._begin(messages[begun_count:due_count])
            begun_count = due_count
            await self._run_round()
        while self._begins:
            await self._run_round()
        return self.outcomes

    async def call_at_once(self, messages: Sequence[bytes], number: int) -> Outcomes:
        """Keep `number` calls open, and return the outcomes once all have ended."""
        self.outcomes = Outcomes()
        begun_count = 0
        while begun_count < len(messages) or self._begins:
            end = begun_count + number - len(self._begins)
            self._begin(messages[begun_count:end])
            begun_count = end
            await self._run_round()
        return self.outcomes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Allow the server to send any number of answers."""
        self._transport = transport
        settings = INITIAL_WINDOW_SIZE.to_bytes(2) + (1 << 20).to_bytes(4)
        window = build_frame(WINDOW_UPDATE, 0, 0, (1 << 30).to_bytes(4))
        self._transport.write(PREFACE + build_frame(SETTINGS, 0, 0, settings) + window)

    def data_received(self, data: bytes) -> None:
        """Take in the frames that are complete."""
        data, position = self._unread + data, 0
        while position + FRAME_HEADER_BYTES <= len(data):
            payload = position + FRAME_HEADER_BYTES
            end = payload + int.from_bytes(data[position : position + 3])
            if end > len(data):
                break
            stream = int.from_bytes(data[position + 5 : payload])
            self._take(data[position + 3], data[position + 4], stream, data[payload:end])
            position = end
        self._unread = data[position:]

    async def _run_round(self) -> None:
        self._send()
        self._cancel_late()
        await asyncio.sleep(ROUND_S)

    def _begin(self, messages: Sequence[bytes]) -> None:
        """Send the headers of calls. Their messages follow as soon as the server's window has space."""
        frames = []
        for message in messages:
            stream, self._next_stream = self._next_stream, self._next_stream + 2
            self._begins[stream] = time.monotonic()
            frames.append(build_frame(HEADERS, END_HEADERS, stream, self._headers))
            self._unsent.append((stream, b"\0" + len(message).to_bytes(4) + message))
        self._transport.write(b"".join(frames))

    def _send(self) -> None:
        frames = []
        while self._unsent and len(self._unsent[0][1]) <= self._window:
            stream, data = self._unsent.popleft()
            if stream in self._begins:
                self._window -= len(data)
                frames.append(build_frame(DATA, END_STREAM, stream, data))
        self._transport.write(b"".join(frames))

    def _cancel_late(self) -> None:
        latest_begin = time.monotonic() - self._deadline_s
        for stream in list(takewhile(lambda stream: self._begins[stream] <= latest_begin, self._begins)):
            del self._begins[stream]
            self.outcomes.late_count += 1
            self._transport.write(build_frame(RST_STREAM, 0, stream, CANCEL))

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == WINDOW_UPDATE and stream == 0:
            self._window += int.from_bytes(payload)
            self._send()
        elif kind in (SETTINGS, PING) and not flags & ACK:
            self._transport.write(build_frame(kind, ACK, 0, payload if kind == PING else b""))
        elif kind == DATA:
            self._bodies[stream] = self._bodies.get(stream, b"") + payload
        elif kind == RST_STREAM or (kind == HEADERS and flags & END_STREAM):
            self._end(stream)

    def _end(self, stream: int) -> None:
        body, begin = self._bodies.pop(stream, b""), self._begins.pop(stream, None)
        if begin is None:
            return
        if body:
            self.outcomes.answers.append(body[MESSAGE_HEADER_BYTES:])
            self.outcomes.latencies.append(time.monotonic() - begin)
        else:
            self.outcomes.refused_count += 1


@asynccontextmanager
async def open_calls(address: str, path: str, deadline_s: float) -> AsyncIterator[OpenCalls]:
    """Open a connection to a server."""
    host, _, port = address.rpartition(":")
    transport, calls = await asyncio.get_running_loop().create_connection(
        lambda: OpenCalls(path, deadline_s), host, int(port)
    )
    try:
        yield calls
    finally:
        transport.close()


def _build_headers(path: str, deadline_s: float) -> bytes:
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
        "grpc-timeout": f"{round(deadline_s * 1000)}m",
    }
    return encode_headers([(name.encode(), value.encode()) for name, value in headers.items()])
