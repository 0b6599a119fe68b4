"""Durable commands in batches, compared with the Python library `eventsourcing`, which saves the same events."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import uuid4

import grpc

from benchmarks.eventsourcing_application import OrderApplication, build_orders
from benchmarks.sample_orders import place_order
from benchmarks.server_process import run_ordertrail
from benchmarks.table import MeasurementFailed, Row
from ordertrail.v1.commands_pb2 import ExecuteCommandsRequest, ExecuteCommandsResponse

EXECUTE = "/ordertrail.v1.OrderCommandService/ExecuteCommands"
ROUNDS, COMMANDS = 5, 10_000


def measure(size: int) -> Row:
    """Return the commands/s in batches of `size` and the events/s that `eventsourcing` saves, measured alternately.

    Ours: a client in this process sends new orders on one stream; the server checks, decides, appends and answers them,
    and its projector folds them meanwhile. Theirs: this process saves aggregates that it has created before; nothing
    else runs. Both commit each batch in one SQLite transaction with synchronous=FULL.
    """
    ours, limit = [], []
    with tempfile.TemporaryDirectory() as folder, run_ordertrail(Path(folder) / "data") as address:
        application = OrderApplication(Path(folder) / "eventsourcing.sqlite")
        for _ in range(ROUNDS):
            limit.append(_events_saved_per_second(application, size))
            ours.append(asyncio.run(commands_per_second(address, size, COMMANDS // size)))
        application.close()
    name = f"durable commands in batches of {size:,}, by gRPC, with a live projector"
    peer = "eventsourcing: the same events created before, saved in process, no projector"
    return Row(name, "commands/s", median(ours), peer, median(limit), 1.0)


def _events_saved_per_second(application: OrderApplication, size: int) -> float:
    batches = [build_orders(place_order(), size) for _ in range(COMMANDS // size)]
    start = perf_counter()
    for batch in batches:
        application.save(*batch)
    return size * len(batches) / (perf_counter() - start)


async def commands_per_second(address: str, size: int, count: int) -> float:
    """Send `count` batches of `size` new orders on one stream; return the commands/s until the last answer."""
    batches = [_build_batch(size) for _ in range(count)]
    async with grpc.aio.insecure_channel(address) as channel:
        await channel.channel_ready()
        call = channel.stream_stream(EXECUTE, None, None)
        start = perf_counter()
        answers = [answer async for answer in call(_iterate(batches))]
        seconds = perf_counter() - start
    results = [result for answer in answers for result in ExecuteCommandsResponse.FromString(answer).results]
    if len(results) != size * count or not all(result.HasField("receipt") for result in results):
        raise MeasurementFailed("not every command of a batch was answered with a receipt")
    return len(results) / seconds


async def _iterate(batches: list[bytes]) -> AsyncIterator[bytes]:
    for batch in batches:
        yield batch


def _build_batch(size: int) -> bytes:
    request = ExecuteCommandsRequest()
    for _ in range(size):
        command = request.commands.add().place_order
        command.CopyFrom(place_order())
        command.request_id = str(uuid4())
    return request.SerializeToString()
