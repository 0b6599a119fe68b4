"""History streamed to one client, beside a bare server that sends frames of the same size from memory."""

import asyncio
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import grpc

from benchmarks.samples import make_log
from benchmarks.servers import BARE, ordertrail, running
from benchmarks.table import Row
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse

STREAM = "/ordertrail.v1.OrderHistoryService/StreamOrderEvents"
FLOOR = 200_000
ROUNDS = 3


def measure(events: int) -> Row:
    """Return events a second from SQLite to one client that takes frames as bytes, and the same from memory."""
    ours, limit = [], []
    with tempfile.TemporaryDirectory() as folder:
        data, frame = Path(folder) / "data", Path(folder) / "frame"
        make_log(data, events)
        with ordertrail(data) as address:
            asyncio.run(_until_projected(address, events))
            sent = asyncio.run(_frames(address, STREAM))
            frame.write_bytes(max(sent, key=len))
            with running(*BARE, str(frame), str(len(sent))) as bare:
                for _ in range(ROUNDS):
                    limit.append(_events_per_second(bare, "/Bare/Stream"))
                    ours.append(_events_per_second(address, STREAM))
    name = f"history to one client, of {events:,} events"
    return Row(name, "events/s", median(ours), "the same frames from memory", median(limit), floor=FLOOR)


def _events_per_second(address: str, rpc: str) -> float:
    begun = perf_counter()
    frames = asyncio.run(_frames(address, rpc))
    seconds = perf_counter() - begun
    return sum(len(StreamOrderEventsResponse.FromString(frame).events) for frame in frames) / seconds


async def _frames(address: str, rpc: str) -> list[bytes]:
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.unary_stream(rpc, None, None)
        return [frame async for frame in call(StreamOrderEventsRequest().SerializeToString())]


async def _until_projected(address: str, events: int) -> None:
    request = StreamOrderEventsRequest(follow=True).SerializeToString()
    async with grpc.aio.insecure_channel(address) as channel:
        seen = 0
        async for frame in channel.unary_stream(STREAM, None, None)(request, wait_for_ready=True):
            seen += len(StreamOrderEventsResponse.FromString(frame).events)
            if seen >= events:
                return
