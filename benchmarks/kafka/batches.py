"""Commands in batches of 1,000, on Kafka and on the embedded log."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from statistics import median
from time import perf_counter

import grpc

from benchmarks.kafka.site import format_brokers, run_site
from benchmarks.sample_orders import place_order
from benchmarks.server_process import run_ordertrail
from benchmarks.table import Row
from ordertrail.v1.commands_pb2 import ExecuteCommandsRequest, ExecuteCommandsResponse

EXECUTE = "/ordertrail.v1.OrderCommandService/ExecuteCommands"
ROUNDS, BATCHES, SIZE = 3, 20, 1_000

_numbers = count()


def measure(brokers: int) -> Row:
    """Return the batched commands/s of one client on Kafka and on the embedded log, measured alternately."""
    ours, limit = [], []
    with (
        run_site(brokers) as kafka_site,
        kafka_site.server("kafka") as kafka_address,
        run_ordertrail(kafka_site.folder / "data") as embedded_address,
    ):
        for _ in range(ROUNDS):
            limit.append(asyncio.run(_commands_per_second(embedded_address)))
            ours.append(asyncio.run(_commands_per_second(kafka_address)))
    name = f"Kafka, {format_brokers(brokers)}: commands in batches of {SIZE:,}"
    return Row(name, "commands/s", median(ours), "Ordertrail on the embedded log", median(limit))


async def _commands_per_second(address: str) -> float:
    batches = [_batch() for _ in range(BATCHES)]
    async with grpc.aio.insecure_channel(address) as channel:
        await asyncio.wait_for(channel.channel_ready(), 30)
        call = channel.stream_stream(EXECUTE, None, None)
        start = perf_counter()
        answers = [answer async for answer in call(_stream(batches))]
        seconds = perf_counter() - start
    results = [result for answer in answers for result in ExecuteCommandsResponse.FromString(answer).results]
    if len(results) != BATCHES * SIZE or not all(result.HasField("receipt") for result in results):
        raise SystemExit("Not every command of a batch was answered with a receipt.")
    return len(results) / seconds


async def _stream(batches: list[bytes]) -> AsyncIterator[bytes]:
    for batch in batches:
        yield batch


def _batch() -> bytes:
    request = ExecuteCommandsRequest()
    for _ in range(SIZE):
        command = request.commands.add().place_order
        command.CopyFrom(place_order())
        command.order_id = command.request_id = f"batched-{next(_numbers)}"
    return request.SerializeToString()
