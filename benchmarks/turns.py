"""Unary commands while a stream of batches runs, beside the same commands alone."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

import grpc

from benchmarks.samples import place_order
from benchmarks.servers import ordertrail
from benchmarks.table import Row
from ordertrail.v1.commands_pb2 import Command, ExecuteCommandsRequest
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub

BATCH, ROUNDS, SECONDS, SETTLE_SECONDS = 1_000, 5, 2.0, 0.5


def measure() -> Row:
    """Return p50 in ms of a unary caller beside a stream of batches, and of the same caller alone, in turns."""
    with tempfile.TemporaryDirectory() as folder, ordertrail(Path(folder) / "data") as address:
        alone, beside = asyncio.run(_measure(address))
    name = f"unary p50, 1 caller, beside a stream of batches of {BATCH:,}"
    return Row(name, "ms", median(beside), "the same caller alone", median(alone), at_most=3.0)


async def _measure(address: str) -> tuple[list[float], list[float]]:
    alone, beside = list[float](), list[float]()
    async with grpc.aio.insecure_channel(address) as channel:
        place = OrderCommandServiceStub(channel).PlaceOrder
        await _p50_ms(place)
        with _batches(address) as process:
            for _ in range(ROUNDS):
                os.kill(process.pid, signal.SIGSTOP)
                await asyncio.sleep(SETTLE_SECONDS)
                alone.append(await _p50_ms(place))
                os.kill(process.pid, signal.SIGCONT)
                await asyncio.sleep(SETTLE_SECONDS)
                beside.append(await _p50_ms(place))
    return alone, beside


async def _p50_ms(place: Callable[..., Awaitable[object]]) -> float:
    taken = []
    end = perf_counter() + SECONDS
    while (begin := perf_counter()) < end:
        await place(place_order())
        taken.append(1_000 * (perf_counter() - begin))
    return median(taken)


@contextmanager
def _batches(address: str) -> Iterator["subprocess.Popen[bytes]"]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen([sys.executable, "-m", "benchmarks.turns", address], env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


async def _send_batches(address: str) -> None:
    """Send batches of new orders, each once the one before it is answered, until killed."""
    batch = ExecuteCommandsRequest(commands=[Command(place_order=place_order())] * BATCH)
    async with grpc.aio.insecure_channel(address) as channel:
        call = OrderCommandServiceStub(channel).ExecuteCommands()  # type: ignore[call-arg]  # written to below
        while True:
            await call.write(batch)
            await call.read()


if __name__ == "__main__":
    asyncio.run(_send_batches(sys.argv[1]))
