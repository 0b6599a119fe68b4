"""History streamed to one client, compared with a bare server that sends frames of the same size from memory."""

import asyncio
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import grpc

from benchmarks.sample_orders import create_log
from benchmarks.server_process import BARE, run_ordertrail, run_process
from benchmarks.table import Row
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse

STREAM = "/ordertrail.v1.OrderHistoryService/StreamOrderEvents"
MIN_RATE = 200_000
ROUNDS = 3


def measure(events: int) -> Row:
    """Return events/s from SQLite to one client that reads frames as bytes, and the same frames from memory."""
    ours, limit = [], []
    with tempfile.TemporaryDirectory() as folder:
        data, frame = Path(folder) / "data", Path(folder) / "frame"
        create_log(data, events)
        with run_ordertrail(data) as address:
            frames = asyncio.run(_frames(address, STREAM))
            frame.write_bytes(max(frames, key=len))
            with run_process(*BARE, str(frame), str(len(frames))) as bare:
                for _ in range(ROUNDS):
                    limit.append(_events_per_second(bare, "/Bare/Stream"))
                    ours.append(_events_per_second(address, STREAM))
    name = f"history to one client, of {events:,} events"
    return Row(name, "events/s", median(ours), "the same frames from memory", median(limit), min_rate=MIN_RATE)


def _events_per_second(address: str, rpc: str) -> float:
    start = perf_counter()
    frames = asyncio.run(_frames(address, rpc))
    seconds = perf_counter() - start
    return sum(len(StreamOrderEventsResponse.FromString(frame).events) for frame in frames) / seconds


async def _frames(address: str, rpc: str) -> list[bytes]:
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.unary_stream(rpc, None, None)
        return [frame async for frame in call(StreamOrderEventsRequest().SerializeToString())]
