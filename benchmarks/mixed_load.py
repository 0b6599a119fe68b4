"""The latency of unary commands with and without a concurrent stream of batches."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import grpc

from benchmarks.sample_orders import place_order
from benchmarks.server_process import run_ordertrail, start_process
from benchmarks.table import Row
from ordertrail.v1.commands_pb2 import Command, ExecuteCommandsRequest
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub

BATCH, ROUNDS, SECONDS, SETTLE_SECONDS = 1_000, 5, 2.0, 0.5


def measure() -> Row:
    """Return the p50 in ms of a unary caller with and without a stream of batches, measured alternately."""
    with tempfile.TemporaryDirectory() as folder, run_ordertrail(Path(folder) / "data") as address:
        without_batches, with_batches = asyncio.run(_measure(address))
    name = f"unary p50, 1 caller, with a stream of batches of {BATCH:,}"
    return Row(name, "ms", median(with_batches), "without batches", median(without_batches), max_ratio=3.0)


async def _measure(address: str) -> tuple[list[float], list[float]]:
    without_batches, with_batches = list[float](), list[float]()
    async with grpc.aio.insecure_channel(address) as channel:
        place = OrderCommandServiceStub(channel).PlaceOrder
        await _p50_ms(place)
        with start_process("-m", "benchmarks.mixed_load", address) as process:
            for _ in range(ROUNDS):
                os.kill(process.pid, signal.SIGSTOP)
                await asyncio.sleep(SETTLE_SECONDS)
                without_batches.append(await _p50_ms(place))
                os.kill(process.pid, signal.SIGCONT)
                await asyncio.sleep(SETTLE_SECONDS)
                with_batches.append(await _p50_ms(place))
    return without_batches, with_batches


async def _p50_ms(place: Callable[..., Awaitable[object]]) -> float:
    durations = []
    end = perf_counter() + SECONDS
    while (start := perf_counter()) < end:
        await place(place_order())
        durations.append(1_000 * (perf_counter() - start))
    return median(durations)


async def _send_batches(address: str) -> None:
    """Send one batch of new orders after another until killed; wait for each answer."""
    batch = ExecuteCommandsRequest(commands=[Command(place_order=place_order())] * BATCH)
    async with grpc.aio.insecure_channel(address) as channel:
        call = OrderCommandServiceStub(channel).ExecuteCommands()  # type: ignore[call-arg]  # written to later
        while True:
            await call.write(batch)
            await call.read()


if __name__ == "__main__":
    asyncio.run(_send_batches(sys.argv[1]))
