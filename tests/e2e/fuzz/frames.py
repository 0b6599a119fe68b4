"""Connections that break HTTP/2 (RFC 9113), each in another random way: frames, headers, and gRPC's messages."""

import asyncio
from collections import Counter
from contextlib import suppress
from random import Random

from tests.e2e.fuzz.fuzzer import TARGETS
from tests.e2e.http2_frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    build_frame,
    encode_headers,
)

CLIENTS, CONNECTION_SECONDS, MAX_BYTES = 16, 1.0, 1 << 20


async def break_connections(address: str, seed: str, connections: int, seconds: float) -> Counter[str]:
    """Open connections that break the protocol, until there were so many of them or the time has passed.

    Returns how many the server closed, and how many it kept open for as long as their clients waited.
    """
    outcomes, end = Counter[str](), asyncio.get_running_loop().time() + seconds

    async def run_client(name: str) -> None:
        for number in range(connections // CLIENTS):
            if asyncio.get_running_loop().time() >= end:
                return
            outcomes[await _break_connection(address, Random(f"{seed}/{name}/{number}"))] += 1

    async with asyncio.TaskGroup() as clients:
        for number in range(CLIENTS):
            clients.create_task(run_client(f"{number}"))
    return outcomes


async def _break_connection(address: str, random: Random) -> str:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(CONNECTION_SECONDS * random.random()):
            with suppress(OSError):
                writer.write(create_connection(random))
                await writer.drain()
                if random.random() < 0.2:
                    writer.write_eof()
                while await reader.read(65_536):
                    pass
            return "closed by the server"
    except TimeoutError:
        return "kept open"
    finally:
        writer.transport.abort()


def create_connection(random: Random) -> bytes:
    """Return all bytes that a client sends on a connection."""
    if random.random() < 0.05:
        return random.randbytes(random.randrange(2_000))
    preface = PREFACE if random.random() < 0.95 else PREFACE[: random.randrange(len(PREFACE))]
    frames = [build_frame(SETTINGS, 0, 0, b"")] if random.random() < 0.9 else []
    frames += [_create_frames(random) for _ in range(random.choice((1, 2, 5, 30)))]
    raw = preface + b"".join(frames)
    return _damage(raw, random)[:MAX_BYTES] if random.random() < 0.3 else raw[:MAX_BYTES]


def _create_frames(random: Random) -> bytes:
    kind = random.choice(("any", "any", "call", "call", "resets", "settings", "headers without end"))
    stream = random.choice((0, 1, 2, 3, 5, 7, 0x7FFFFFFF, 0xFFFFFFFF))
    match kind:
        case "call":
            return _create_call(random, stream)
        case "resets":  # a client that begins calls and resets them at once
            numbers = range(1, 2 * random.randrange(1, 300), 2)
            return b"".join(_create_call(random, n) + build_frame(RST_STREAM, 0, n, bytes(4)) for n in numbers)
        case "settings":
            return build_frame(SETTINGS, 0, 0, random.randbytes(6)) * random.randrange(1, 500)
        case "headers without end":
            first = build_frame(HEADERS, 0, 1, _create_headers(random))
            return first + build_frame(CONTINUATION, 0, 1, random.randbytes(100)) * random.randrange(200)
    return build_frame(
        random.randrange(12), random.randrange(256), stream, random.randbytes(random.choice((0, 4, 5, 8, 300)))
    )


def _create_call(random: Random, stream: int) -> bytes:
    """Return the frames of a call whose headers or message may be wrong."""
    headers = build_frame(HEADERS, END_HEADERS | random.choice((0, 0, END_STREAM)), stream, _create_headers(random))
    message = random.randbytes(random.randrange(100))
    # The flag of compression, and a length that may differ from that of the message.
    length = random.choice((len(message), len(message), 0, len(message) + 1, 1 << 20, (1 << 32) - 1))
    body = bytes((random.choice((0, 0, 1, 7)),)) + length.to_bytes(4) + message
    return headers + build_frame(DATA, random.choice((0, END_STREAM)), stream, body)


def _create_headers(random: Random) -> bytes:
    """Return the header block of a call, with some wrong headers."""
    headers = [
        (b":method", random.choice((b"POST", b"POST", b"GET", b""))),
        (b":scheme", b"http"),
        (b":path", random.choice(TARGETS).path.encode()),
        (b":authority", b"localhost"),
        (b"content-type", random.choice((b"application/grpc", b"application/grpc", b"text/html"))),
        (b"te", b"trailers"),
        (b"grpc-timeout", random.choice((b"1S", b"1m", b"99999999H", b"-1S", b"x", b""))),
        (b"grpc-encoding", random.choice((b"identity", b"gzip", b"unknown"))),
        (b"ordertrail-actor", random.randbytes(random.choice((1, 8, 100)))),
    ]
    if random.random() < 0.3:
        headers[random.randrange(len(headers))] = (random.randbytes(5), random.randbytes(20))
    if random.random() < 0.3:
        random.shuffle(headers)
    block = encode_headers(headers)
    return _damage(block, random) if random.random() < 0.2 else block


def _damage(raw: bytes, random: Random) -> bytes:
    """Return the bytes with some of them changed, added or removed."""
    damaged = bytearray(raw)
    for _ in range(random.randrange(1, 6)):
        begin = random.randrange(len(damaged) + 1)
        damaged[begin : begin + random.randrange(3)] = random.randbytes(random.randrange(4))
    return bytes(damaged)
