"""Unary commands of a server with a policy: what tokens cost, and what a caller far above its limits costs others."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import grpc

from benchmarks.guarded_policy import Metadata, sign_metadata, write_policy
from benchmarks.process_status import read_processor_seconds
from benchmarks.sample_orders import place_order
from benchmarks.server_process import run_ordertrail, start_process
from benchmarks.table import Row

PLACE_ORDER = "/ordertrail.v1.OrderCommandService/PlaceOrder"
ROUNDS, SECONDS, SETTLE_SECONDS, CALLERS = 5, 2.0, 0.5, 32
LIMIT = 500
"""The commands a second of each caller of the second measurement. The neighbour sends fewer, the other one far more."""

PACE_SECONDS = 0.005
Call = Callable[[], Awaitable[object]]


def measure() -> Row:
    """Return the commands for each second of processor time of a server with a policy, and of an open one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        policy, key = write_policy(folder)
        data = folder / "guarded", folder / "open"
        with run_ordertrail(data[0], policy) as guarded, run_ordertrail(data[1]) as open_server:
            ours, limit = asyncio.run(_compare(guarded, open_server, data, sign_metadata(key, "till-1")))
    name = f"unary commands with tokens and a policy, {CALLERS} callers"
    return Row(name, "commands/processor s", median(ours), "server without a policy", median(limit), 0.75)


def measure_neighbour(percentile: int) -> Row:
    """Return the ms of a caller beside another identity that is refused all the time, and without it."""
    with tempfile.TemporaryDirectory() as name:
        policy, key = write_policy(Path(name), LIMIT)
        tokens = [sign_metadata(key, caller)[0][1] for caller in ("neighbour", "flood")]
        with run_ordertrail(Path(name) / "data", policy) as address:
            quiet_times, flooded_times = asyncio.run(_measure_neighbour(address, *tokens))
    place = percentile - 1
    title = f"unary p{percentile}, beside an identity far above its limits"
    limit = quantiles(quiet_times, n=100)[place]
    return Row(title, "ms", quantiles(flooded_times, n=100)[place], "alone", limit, max_ratio=5.0)


async def _compare(
    guarded: str, open_server: str, data: tuple[Path, Path], metadata: Metadata
) -> tuple[list[float], list[float]]:
    ours, limit = list[float](), list[float]()
    async with grpc.aio.insecure_channel(guarded) as channel, grpc.aio.insecure_channel(open_server) as open_channel:
        for _ in range(ROUNDS):
            limit.append(await _rate(_place(open_channel, ()), data[1]))
            ours.append(await _rate(_place(channel, metadata), data[0]))
    return ours, limit


async def _rate(call: Call, data: Path) -> float:
    begin = read_processor_seconds(str(data))
    counts = await asyncio.gather(*(_repeat(call) for _ in range(CALLERS)))
    return sum(counts) / (read_processor_seconds(str(data)) - begin)


async def _repeat(call: Call) -> int:
    count, end = 0, perf_counter() + SECONDS
    while perf_counter() < end:
        await call()
        count += 1
    return count


async def _measure_neighbour(address: str, token: str, flood_token: str) -> tuple[list[float], list[float]]:
    quiet_times, flooded_times = list[float](), list[float]()
    async with grpc.aio.insecure_channel(address) as channel:
        call = _place(channel, (("authorization", token),))
        with start_process("-m", "benchmarks.guarded_commands", address, flood_token) as process:
            for _ in range(ROUNDS):
                for signal_number, durations in ((signal.SIGSTOP, quiet_times), (signal.SIGCONT, flooded_times)):
                    os.kill(process.pid, signal_number)
                    await asyncio.sleep(SETTLE_SECONDS)
                    durations += await _time_calls(call)
    return quiet_times, flooded_times


async def _time_calls(call: Call) -> list[float]:
    durations, end = list[float](), perf_counter() + SECONDS
    while (start := perf_counter()) < end:
        await call()
        durations.append(1_000 * (perf_counter() - start))
        await asyncio.sleep(PACE_SECONDS)
    return durations


def _place(channel: grpc.aio.Channel, metadata: Metadata) -> Call:
    multi_callable, request = channel.unary_unary(PLACE_ORDER, None, None), place_order().SerializeToString()
    return lambda: multi_callable(request, metadata=metadata)


async def _flood(address: str, token: str) -> None:
    """Send commands until killed, most of which are refused."""
    async with grpc.aio.insecure_channel(address) as channel:
        call = _place(channel, (("authorization", token),))

        async def repeat() -> None:
            while True:
                with suppress(grpc.aio.AioRpcError):
                    await call()

        await asyncio.gather(*(repeat() for _ in range(CALLERS)))


if __name__ == "__main__":
    asyncio.run(_flood(*sys.argv[1:]))
