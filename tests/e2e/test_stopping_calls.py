"""A stopping server finishes running calls, or refuses them with a reason."""

import asyncio
import signal
from collections.abc import Awaitable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
from tests.commands.sample_requests import build_place_order, new_id, prepare_attempt
from tests.e2e.load import Ledger, Load
from tests.e2e.reference_fold import assert_receipts_are_facts, fold_directory
from tests.e2e.refusals import PYTHON
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import END_SECONDS, RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order
from tests.log.memory import MemoryLog
from tests.process_freeze import freeze_process

from ordertrail.client import connect
from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.commands.projection_start import ProjectionStart
from ordertrail_server.log.port import Entry
from ordertrail_server.log.progress import Progress
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine


async def test_endless_call_delays_stop_only_for_the_grace_period(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_GRACE_SECONDS": "1"}).start()
    with closing(server):
        await wait_until_serving(server.address)
        freeze_process(server.projector)
        async with connect(server.address, timeout=3 * END_SECONDS) as orders:
            receipt = await orders.send(build_order())
            query_task = asyncio.create_task(
                orders.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
            )
            await orders.confirm(receipt.order_id)
            server.signal(signal.SIGTERM)
            assert await asyncio.to_thread(server.wait) == 0
            query_task.cancel()


async def test_callers_get_only_typed_answers_while_server_stops(server: RunningServer) -> None:
    server.start()
    async with grpc.aio.insecure_channel(server.address, options=[("grpc.enable_retries", 0)]) as channel:
        first_placed = asyncio.Event()
        tasks = [asyncio.create_task(place_until_refused(channel, first_placed)) for _ in range(8)]
        await first_placed.wait()
        server.signal(signal.SIGTERM)
        counts = await asyncio.gather(*tasks)
    assert await asyncio.to_thread(server.wait) == 0
    assert len((await fold_directory(server.data)).facts) >= sum(counts) > 0


async def test_callers_that_retry_survive_restarts(server: RunningServer) -> None:
    server.start()
    ledger = Ledger()
    async with connect(server.address) as orders:
        load = Load(orders, ledger, unary=8, batches=2, seed=1)
        for _ in range(4):
            await ledger.next()
            server.signal(signal.SIGTERM)
            assert await asyncio.to_thread(server.wait) == 0
            await asyncio.to_thread(server.start)
        await load.stop()
    assert_receipts_are_facts(ledger.receipts, await fold_directory(server.data))


async def test_hanging_append_delays_stop_only_for_the_grace_period(tmp_path: Path) -> None:
    log, progress = HangingLog(), Progress()
    with closing(await open_engine(log, tmp_path, [])) as engine:
        await engine.catch_up()
    start = ProjectionStart(live_generation(tmp_path, ORDERS), log, progress)
    handler = CommandHandler(log, start, new_id, on_append=lambda: None, capacity=100)
    running = asyncio.create_task(handler.run())
    await handler.wait_until_ready()
    first_attempt, second_attempt = (
        prepare_attempt(build_place_order("first")),
        prepare_attempt(build_place_order("second")),
    )
    handler.submit(first_attempt)
    handler.submit(second_attempt)
    async with asyncio.timeout(5):
        await handler.stop(0.1)
        answers = [await attempt.answer for attempt in (first_attempt, second_attempt)]
        await running
    assert [answer.reason for answer in answers if isinstance(answer, Refusal)] == [ERROR_REASON_UNAVAILABLE] * 2


class HangingLog(MemoryLog):
    """A log on a disk that does not answer any more."""

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        await asyncio.Event().wait()
        raise AssertionError


async def place_until_refused(channel: grpc.aio.Channel, first_placed: asyncio.Event) -> int:
    """Place orders until the server has stopped. Return their number. `first_placed` is set with the first one."""
    count = 0
    while (error := await catch_error(RPCS["PlaceOrder"].call(channel, build_order().SerializeToString()))) is None:
        count += 1
        first_placed.set()
    # gRPC itself cancels a call that has arrived, but has not started.
    assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    assert not PYTHON.search(str(error.details()))
    return count


async def catch_error(call: Awaitable[Any]) -> grpc.aio.AioRpcError | None:
    """Return the error of a call, None if it succeeds."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error
    return None
