"""Submitted commands, compared with the same commands by their own rpcs, on the same server in the same run."""

import asyncio
import tempfile
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any
from uuid import uuid4

import grpc

from benchmarks.batched_commands import commands_per_second
from benchmarks.load_generator import calls_per_second
from benchmarks.sample_orders import place_order
from benchmarks.server_process import run_ordertrail
from benchmarks.table import MeasurementFailed, Row
from benchmarks.unary_commands import PLACE_ORDER
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub
from ordertrail.v1.submitted_commands_pb2 import (
    COMMAND_STATE_ACCEPTED,
    COMMAND_STATE_PENDING,
    ListCommandsRequest,
    SubmitCommandRequest,
    WatchCommandRequest,
)

SUBMIT = "ordertrail.v1.OrderCommandService/SubmitCommand"
ROUNDS, SECONDS = 3, 4
SIZE, BATCHES = 1_000, 10
CALLS = 300


def measure_single(callers: int = 32) -> Row:
    """Return durable submissions/s of single commands, beside their decisions, and unary commands/s."""
    ours, limit = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder, run_ordertrail(Path(folder) / "data") as address:
        for _ in range(ROUNDS):
            limit.append(calls_per_second(address, PLACE_ORDER, place_order(), callers, SECONDS))
            ours.append(calls_per_second(address, SUBMIT, build_submission(1, has_ids=False), callers, SECONDS))
            _wait_decided(address)
    name = f"durable submissions of single commands, {callers} callers"
    return Row(name, "commands/s", median(ours), "durable unary commands", median(limit), 1.0)


def measure_batches(rate_name: str) -> Row:
    """Return deferred submissions/s in batches, or how many of them are `decided`/s, and batched commands/s."""
    rates: dict[str, list[float]] = {"stored": [], "decided": []}
    limit = list[float]()
    with tempfile.TemporaryDirectory() as folder, run_ordertrail(Path(folder) / "data") as address:
        for _ in range(ROUNDS):
            limit.append(asyncio.run(commands_per_second(address, SIZE, BATCHES)))
            start = perf_counter()
            rates["stored"].append(asyncio.run(_submissions_per_second(address)))
            _wait_decided(address)
            rates["decided"].append(SIZE * BATCHES / (perf_counter() - start))
    name = f"deferred commands in batches of {SIZE:,}, {rate_name}"
    min_ratio = 2.0 if rate_name == "stored" else None
    return Row(name, "commands/s", median(rates[rate_name]), "commands in batches", median(limit), min_ratio)


def measure_latency(percentile: int) -> Row:
    """Return the ms from the submission of a command to its outcome, for one caller; and those of a unary call."""
    with tempfile.TemporaryDirectory() as folder, run_ordertrail(Path(folder) / "data") as address:
        ours, limit = asyncio.run(_latencies(address))
    name = f"from submission to outcome, 1 caller, p{percentile}"
    place = percentile - 1
    return Row(name, "ms", quantiles(ours, n=100)[place], "durable unary command", quantiles(limit, n=100)[place])


def build_submission(size: int, *, has_ids: bool = True) -> SubmitCommandRequest:
    """Return a submission of new orders."""
    request = SubmitCommandRequest(defer_decision=size > 1)
    for _ in range(size):
        command = request.commands.add().place_order
        command.CopyFrom(place_order())
        command.request_id = str(uuid4()) if has_ids else ""
    return request


async def _submissions_per_second(address: str) -> float:
    submissions = [build_submission(SIZE).SerializeToString() for _ in range(BATCHES)]
    async with grpc.aio.insecure_channel(address) as channel:
        await channel.channel_ready()
        submit = channel.unary_unary(f"/{SUBMIT}", None, None)
        start = perf_counter()
        await asyncio.gather(*(submit(submission) for submission in submissions))
        return SIZE * BATCHES / (perf_counter() - start)


def _wait_decided(address: str) -> None:
    """Wait until no command is pending."""
    with grpc.insecure_channel(address) as channel:
        service = OrderCommandServiceStub(channel)
        pending = ListCommandsRequest(states=[COMMAND_STATE_PENDING], page_size=1)
        while (page := service.ListCommands(pending)).commands or page.next_page_token:
            pass


async def _latencies(address: str) -> tuple[list[float], list[float]]:
    ours, limit = list[float](), list[float]()
    async with grpc.aio.insecure_channel(address) as channel:
        service: Any = OrderCommandServiceStub(channel)
        for _ in range(CALLS):
            start = perf_counter()
            await service.PlaceOrder(place_order())
            limit.append(1_000 * (perf_counter() - start))
            start = perf_counter()
            await _decide(service)
            ours.append(1_000 * (perf_counter() - start))
    return ours, limit


async def _decide(service: Any) -> None:
    response = await service.SubmitCommand(build_submission(1, has_ids=False))
    watch = WatchCommandRequest(command_id=response.results[0].submission.command_id)
    states = [update.command.state async for update in service.WatchCommand(watch)]
    if states[-1] != COMMAND_STATE_ACCEPTED:
        raise MeasurementFailed("a submitted command was not accepted")
