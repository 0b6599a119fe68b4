"""The latency of commands at half the capacity, with and without a rebuild of the built-in projections."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter

from benchmarks.process_status import list_commands
from benchmarks.sample_orders import create_log, place_order
from benchmarks.server_process import run_ordertrail
from benchmarks.table import Row
from ordertrail.client import OrderTrail, connect
from ordertrail.v1.projection_service_pb2 import GENERATION_STATE_BUILDING

EVENTS, CALLERS, ROUNDS, SECONDS, SETTLE_SECONDS = 200_000, 32, 8, 1.0, 0.2
CALL_SECONDS = 600
PROJECTOR = "ordertrail_server.projections.process"
PROJECTIONS = ("orders", "history")


def measure() -> Row:
    """Return the p99 in ms of commands with and without running builds, which are frozen in every second interval."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        create_log(data, EVENTS)
        with run_ordertrail(data) as address:
            without_builds, with_builds = asyncio.run(_measure(address, str(data)))
    name = f"unary p99 at half the capacity, {CALLERS} callers, with a rebuild of {EVENTS:,} events"
    return Row(name, "ms", _p99_ms(with_builds), "without a rebuild", _p99_ms(without_builds), max_ratio=2.0)


async def _measure(address: str, data: str) -> tuple[list[float], list[float]]:
    without_builds, with_builds = list[float](), list[float]()
    async with connect(address, timeout=CALL_SECONDS) as client:
        rate = await _measure_capacity(client) / 2
        for _ in range(ROUNDS):
            await _keep_building(client)
            with _frozen(_find_builds(data)):
                await asyncio.sleep(SETTLE_SECONDS)
                without_builds += await _send_at(client, rate)
            await asyncio.sleep(SETTLE_SECONDS)
            with_builds += await _send_at(client, rate)
    return without_builds, with_builds


async def _keep_building(client: OrderTrail) -> None:
    """Begin builds, and begin those anew that are complete."""
    for projection in await client.projections():
        newest = projection.generations[-1]
        if newest.number > 1 and newest.state != GENERATION_STATE_BUILDING:
            await client.drop_generation(projection.name, newest.number)
        await client.rebuild_projection(projection.name)


async def _measure_capacity(client: OrderTrail) -> float:
    """Return the commands/s of callers that send the next command as soon as they have an answer."""
    end = perf_counter() + SECONDS

    async def call() -> int:
        count = 0
        while perf_counter() < end:
            await client.send(place_order())
            count += 1
        return count

    return sum(await asyncio.gather(*(call() for _ in range(CALLERS)))) / SECONDS


async def _send_at(client: OrderTrail, rate: float) -> list[float]:
    """Send commands at a fixed rate, and return their durations in seconds, measured from when they were due."""
    begin, durations = perf_counter(), list[float]()

    async def call(first: int) -> None:
        for number in range(first, int(rate * SECONDS), CALLERS):
            due = begin + number / rate
            await asyncio.sleep(due - perf_counter())
            await client.send(place_order())
            durations.append(perf_counter() - due)

    await asyncio.gather(*map(call, range(CALLERS)))
    return durations


def _p99_ms(durations: list[float]) -> float:
    return 1_000 * sorted(durations)[int(0.99 * len(durations))]


@contextmanager
def _frozen(pids: list[int]) -> Iterator[None]:
    _signal(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(pids, signal.SIGCONT)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # the build has ended
            os.kill(pid, number)


def _find_builds(data: str) -> list[int]:
    """Return the processes of the builds: their last argument names generations that are not live."""
    return [pid for pid, words in list_commands(data) if PROJECTOR in words and words[-1] not in ("", "{}")]
