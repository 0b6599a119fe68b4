"""The latency of one durable unary command, compared with a bare grpc.aio server that answers the same messages."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import grpc

from benchmarks.sample_orders import place_order
from benchmarks.server_process import BARE, run_ordertrail, run_process
from benchmarks.table import Row

PLACE_ORDER, ECHO = "/ordertrail.v1.OrderCommandService/PlaceOrder", "/Bare/Echo"
ROUNDS, CALLS = 7, 1_000

Call = Callable[[bytes], Awaitable[bytes]]


def measure() -> Row:
    """Return the p50 in ms of one caller of both servers, measured alternately by one Python client.

    Ours: each call is a new order, durable when it is answered, while the projector folds it. The bare server does
    nothing: it answers with constant bytes of the same size.
    """
    with tempfile.TemporaryDirectory() as folder, run_ordertrail(Path(folder) / "data") as address:
        response = Path(folder) / "response"
        response.write_bytes(asyncio.run(_receipt(address)))
        with run_process(*BARE, str(response), "0") as bare:
            ours, limit = asyncio.run(_measure(address, bare))
    peer = "bare grpc.aio echo of the same messages"
    return Row("durable unary command, 1 caller, p50", "ms", median(ours), peer, median(limit), max_ratio=2.5)


async def _receipt(address: str) -> bytes:
    async with grpc.aio.insecure_channel(address) as channel:
        return await _call(channel, PLACE_ORDER)(place_order().SerializeToString())


async def _measure(address: str, bare: str) -> tuple[list[float], list[float]]:
    ours, limit = list[float](), list[float]()
    async with grpc.aio.insecure_channel(address) as channel, grpc.aio.insecure_channel(bare) as bare_channel:
        place, echo = _call(channel, PLACE_ORDER), _call(bare_channel, ECHO)
        await _p50_ms(place)
        for _ in range(ROUNDS):
            limit.append(await _p50_ms(echo))
            ours.append(await _p50_ms(place))
    return ours, limit


def _call(channel: grpc.aio.Channel, rpc: str) -> Call:
    return channel.unary_unary(rpc, None, None)


async def _p50_ms(call: Call) -> float:
    request, durations = place_order().SerializeToString(), list[float]()
    for _ in range(CALLS):
        start = perf_counter()
        await call(request)
        durations.append(1_000 * (perf_counter() - start))
    return median(durations)
