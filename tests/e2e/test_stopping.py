"""A stopping server finishes running work, and callers can resume after its restart."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Awaitable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.commands.sample_requests import build_place_order, new_id, prepare_attempt
from tests.e2e.load import Ledger, Load
from tests.e2e.reference_fold import assert_receipts_are_facts, fold_directory
from tests.e2e.refusals import PYTHON
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import (
    END_SECONDS,
    ROOT,
    START_SECONDS,
    RunningServer,
    build_environment,
    wait_until_serving,
)
from tests.e2e.sample_orders import build_order
from tests.log.memory import MemoryLog
from tests.process_freeze import freeze_process
from tests.projections.processes import wait_gone

from ordertrail.client import connect
from ordertrail.v1.commands_pb2 import Command, ConfirmOrderRequest, ExecuteCommandsRequest, ExecuteCommandsResponse
from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.commands.projection_start import ProjectionStart
from ordertrail_server.log.port import Entry
from ordertrail_server.log.progress import Progress
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine

INTERRUPT = 1 << (signal.SIGINT - 1)
TOUR = (sys.executable, str(ROOT / "examples" / "tour.py"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopping_server_reports_not_serving_and_exits_with_0(
    server: RunningServer, number: signal.Signals
) -> None:
    server.start()
    await wait_until_serving(server.address)
    async with grpc.aio.insecure_channel(server.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        server.signal(number)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
    assert await asyncio.to_thread(server.wait) == 0
    assert server.faults == []


async def test_ctrl_c_while_server_starts_ends_it_without_warning(server: RunningServer) -> None:
    server.spawn(process_group=0)
    await wait_until_python_runs(await first_child(server.pid))
    os.killpg(server.pid, signal.SIGINT)
    assert await asyncio.to_thread(server.wait) == 0
    assert "Traceback" not in server.stderr
    assert "WARNING" not in server.stderr


@pytest.mark.parametrize("starting", [True, False], ids=["starting", "running"])
async def test_projector_ends_when_its_server_is_killed(server: RunningServer, starting: bool) -> None:
    server.spawn()
    projector = await first_child(server.pid)
    if not starting:
        await asyncio.to_thread(server.wait_until_listening)
        await wait_until_serving(server.address)
    server.kill()
    await wait_gone(projector)


async def test_followed_stream_ends_with_ok_and_can_be_resumed(server: RunningServer) -> None:
    server.start()
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        receipts = [await orders.send(build_order()) for _ in range(3)]
        fresh = [receipts[-1].consistency_token]
        stream = orders.history.StreamOrderEvents(StreamOrderEventsRequest(follow=True, at_least_as_fresh=fresh))
        events, token = await read_until_caught_up(stream, len(receipts))
        server.signal(signal.SIGTERM)
        async for frame in stream:
            token = frame.resume_token
        assert await stream.code() is grpc.StatusCode.OK
        assert await asyncio.to_thread(server.wait) == 0
    server.start()
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        last_receipt = await orders.send(build_order())
        fresh = [last_receipt.consistency_token]
        later_events = [event async for event in orders.stream(resume_token=token, at_least_as_fresh=fresh)]
    assert [event.digest for event in [*events, *later_events]] == [
        receipt.digest for receipt in [*receipts, last_receipt]
    ]


async def test_batch_stream_ends_between_two_batches(server: RunningServer) -> None:
    server.start()
    refused_commands = [Command(confirm_order=ConfirmOrderRequest(order_id="no-such-order"))] * 199
    async with connect(server.address) as orders:
        call, answers = orders.commands.ExecuteCommands(None), list[ExecuteCommandsResponse]()
        for _ in range(20):
            await call.write(ExecuteCommandsRequest(commands=[*refused_commands, Command(place_order=build_order())]))
        while isinstance(answer := await call.read(), ExecuteCommandsResponse):
            answers.append(answer)
            if len(answers) == 1:
                server.signal(signal.SIGTERM)
        assert await call.code() is grpc.StatusCode.OK
        assert all(len(answer.results) == 200 for answer in answers)
        assert await asyncio.to_thread(server.wait) == 0
    assert len((await fold_directory(server.data)).facts) == len(answers)


async def test_idle_batch_stream_does_not_delay_stop(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_GRACE_SECONDS": str(2 * END_SECONDS)})
    with closing(server.start()):
        async with connect(server.address) as orders:
            call = orders.commands.ExecuteCommands(None)
            await call.write(ExecuteCommandsRequest())
            await call.read()
            server.signal(signal.SIGTERM)
            assert await call.code() is grpc.StatusCode.OK
            assert await asyncio.to_thread(server.wait) == 0


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


@pytest.mark.parametrize("text", ["$ ordertrail produce", "until Ctrl-C"])
async def test_stopped_tour_stops_its_server(tmp_path: Path, text: str) -> None:
    settings = build_environment({"ORDERTRAIL_LISTEN": "127.0.0.1:0"})
    pipe = asyncio.subprocess.PIPE
    tour = await asyncio.create_subprocess_exec(*TOUR, cwd=tmp_path, env=settings, stdout=pipe)
    assert tour.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        while text not in (line := await tour.stdout.readline()).decode():
            assert line, "the tour ended"
        [server, *_] = children(tour.pid)
        tour.send_signal(signal.SIGTERM)
        await tour.communicate()
    assert tour.returncode == 0
    await wait_gone(server)


async def test_processes_of_the_tour_do_not_ignore_sigint(tmp_path: Path) -> None:
    settings = build_environment({"ORDERTRAIL_LISTEN": "127.0.0.1:0"})
    pipe = asyncio.subprocess.PIPE
    tour = await asyncio.create_subprocess_exec(*TOUR, cwd=tmp_path, env=settings, stdout=pipe)
    async with asyncio.timeout(START_SECONDS):
        while len(pids := children(tour.pid)) < 2:  # noqa: ASYNC110 (the server, then a command that uses it)
            await asyncio.sleep(0.01)
        ignored = [ignores_signal(pid, signal.SIGINT) for pid in pids]
        tour.send_signal(signal.SIGTERM)
        await tour.communicate()
    assert ignored == [False, False]


def ignores_signal(pid: int, number: signal.Signals) -> bool:
    """Return whether a process ignores a signal (see proc_pid_status(5))."""
    return bool(signal_mask(pid, "SigIgn") >> (number - 1) & 1)


def signal_mask(pid: int, name: str) -> int:
    [mask] = re.findall(rf"{name}:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())
    return int(mask, 16)


def children(pid: int) -> list[int]:
    """Return the processes that a process has started, the first one first."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def first_child(pid: int) -> int:
    """Return the first process that a process starts, as soon as it does."""
    async with asyncio.timeout(START_SECONDS):
        while not (pids := children(pid)):  # noqa: ASYNC110 (no event reports a new process)
            await asyncio.sleep(0.001)
    return pids[0]


async def wait_until_python_runs(pid: int) -> None:
    """Return once a projector runs Python, which catches SIGINT until the projector ignores it."""
    async with asyncio.timeout(START_SECONDS):
        while not (is_projector(pid) and handles_interrupts(pid)):  # noqa: ASYNC110 (no event reports it)
            await asyncio.sleep(0.001)


def handles_interrupts(pid: int) -> bool:
    return bool((signal_mask(pid, "SigCgt") | signal_mask(pid, "SigIgn")) & INTERRUPT)


def is_projector(pid: int) -> bool:
    """Return whether a process runs the projector's program; before that, it is a copy of its server."""
    return b"ordertrail_server.projections.process" in Path(f"/proc/{pid}/cmdline").read_bytes()


class HangingLog(MemoryLog):
    """A log on a disk that does not answer any more."""

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        await asyncio.Event().wait()
        raise AssertionError


async def read_until_caught_up(stream: Any, count: int) -> tuple[list[HistoryEvent], str]:
    """Read a stream until it has sent `count` events and caught_up."""
    events: list[HistoryEvent] = []
    async for frame in stream:
        events.extend(frame.events)
        if len(events) >= count and frame.caught_up:
            return events, frame.resume_token
    raise AssertionError("the stream ended")


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
