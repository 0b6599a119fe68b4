"""Commands in batches of a thousand, on Kafka beside the embedded log."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from statistics import median
from time import perf_counter

import grpc

from benchmarks.on_kafka.brokers import counted, site
from benchmarks.samples import place_order
from benchmarks.servers import ordertrail
from benchmarks.table import Row
from ordertrail.v1.commands_pb2 import ExecuteCommandsRequest, ExecuteCommandsResponse

EXECUTE = "/ordertrail.v1.OrderCommandService/ExecuteCommands"
ROUNDS, BATCHES, SIZE = 3, 20, 1_000

_numbers = count()


def measure(brokers: int) -> Row:
    """Return batched commands a second from one client on Kafka and on the embedded log, all roles, in turns."""
    ours, limit = [], []
    with site(brokers) as there, there.server("kafka") as kafka, ordertrail(there.folder / "data") as embedded:
        for _ in range(ROUNDS):
            limit.append(asyncio.run(_commands_per_second(embedded)))
            ours.append(asyncio.run(_commands_per_second(kafka)))
    name = f"Kafka, {counted(brokers)}: commands in batches of {SIZE:,}"
    return Row(name, "commands/s", median(ours), "ours on the embedded log", median(limit))


async def _commands_per_second(address: str) -> float:
    batches = [_batch() for _ in range(BATCHES)]
    async with grpc.aio.insecure_channel(address) as channel:
        await asyncio.wait_for(channel.channel_ready(), 30)
        call = channel.stream_stream(EXECUTE, None, None)
        begun = perf_counter()
        answers = [answer async for answer in call(_sent(batches))]
        seconds = perf_counter() - begun
    results = [result for answer in answers for result in ExecuteCommandsResponse.FromString(answer).results]
    if len(results) != BATCHES * SIZE or not all(result.HasField("receipt") for result in results):
        raise SystemExit("Not every command of a batch was answered with a receipt.")
    return len(results) / seconds


async def _sent(batches: list[bytes]) -> AsyncIterator[bytes]:
    for batch in batches:
        yield batch


def _batch() -> bytes:
    request = ExecuteCommandsRequest()
    for _ in range(SIZE):
        command = request.commands.add().place_order
        command.CopyFrom(place_order())
        command.order_id = command.request_id = f"batched-{next(_numbers)}"
    return request.SerializeToString()
