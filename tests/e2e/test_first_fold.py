"""A server listens at once. Until its projections include the log, calls wait for them within their deadlines."""

import asyncio
import os
import re
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, suppress
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.e2e.direct_call import open_channel_without_retries, place_order
from tests.e2e.filled_directory import projection_file
from tests.e2e.refusals import catch_refusal
from tests.e2e.rpcs import FILES, RPCS
from tests.e2e.running_server import START_SECONDS, RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order
from tests.process_freeze import freeze_process
from tests.projections.log_builder import build_many_orders, write_log

from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, ListOrderEventsRequest
from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.projections.dependents import BATCH

ORDER_COUNT, RECORD_COUNT = 10_000, 30_000
SERVICES = [service.full_name for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]
PROGRESS = re.compile(rf"(\d+) of {RECORD_COUNT} records")


@pytest.fixture(scope="module")
def large_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a large log and no projections."""
    data = tmp_path_factory.mktemp("large") / "data"
    data.mkdir()
    write_log(data, build_many_orders(ORDER_COUNT))
    return data


@pytest.fixture
def unfolded(large_log: Path, tmp_path: Path) -> Iterator[RunningServer]:
    """A server on a copy of the large log, not started yet."""
    server = RunningServer(Path(shutil.copytree(large_log, tmp_path / "data")))
    yield server
    server.close()


@pytest.fixture
async def folding(unfolded: RunningServer) -> AsyncIterator[RunningServer]:
    """A running server whose projector was suspended while it folds the log for the first time."""
    await asyncio.to_thread(unfolded.start)
    await wait_until_folded_beyond(unfolded.data, BATCH)  # the process reports a batch before it folds the next one
    projector = unfolded.projector
    freeze_process(projector)
    yield unfolded
    with suppress(ProcessLookupError):
        os.kill(projector, signal.SIGCONT)


def folded_count(data: Path, name: str = ORDERS) -> int:
    """Return the number of records that a projection includes, 0 if it does not exist yet."""
    try:
        with closing(sqlite3.connect(f"file:{projection_file(data, name)}?mode=ro", uri=True)) as connection:
            [(count,)] = connection.execute("SELECT sum(next_offset) FROM ordertrail_positions").fetchall()
    except sqlite3.OperationalError:
        return 0
    return int(count or 0)


async def wait_until_folded_beyond(data: Path, count: int) -> None:
    async with asyncio.timeout(START_SECONDS):
        while folded_count(data) <= count:  # noqa: ASYNC110 (no event reports a commit of another process)
            await asyncio.sleep(0.01)


async def wait_until_logged(server: RunningServer, text: str) -> None:
    async with asyncio.timeout(START_SECONDS):
        while text not in server.stderr:  # noqa: ASYNC110 (no event reports a line)
            await asyncio.sleep(0.05)


async def health_of(channel: grpc.aio.Channel) -> set[int]:
    """Return the statuses of all services and of the whole server."""
    stub = health_pb2_grpc.HealthStub(channel)
    return {(await stub.Check(health_pb2.HealthCheckRequest(service=name))).status for name in ("", *SERVICES)}


async def test_calls_wait_for_the_first_fold_and_are_unavailable_at_their_deadline(folding: RunningServer) -> None:
    queries = [GetOrderRequest(order_id="order-1"), ListOrderEventsRequest(order_id="order-1")]
    calls = [(type(query).__name__.removesuffix("Request"), query) for query in queries]
    async with open_channel_without_retries(folding) as channel:
        assert await health_of(channel) == {health_pb2.HealthCheckResponse.NOT_SERVING}
        patient_calls = [
            asyncio.ensure_future(RPCS[name].call(channel, query.SerializeToString(), 90)) for name, query in calls
        ]
        patient_command = asyncio.ensure_future(place_order(channel, build_order()))
        for name, message in [*calls, ("PlaceOrder", build_order())]:
            refusal = await catch_refusal(RPCS[name].call(channel, message.SerializeToString(), 1))
            assert (refusal.code.name, refusal.reason) == ("UNAVAILABLE", "UNAVAILABLE")
            assert refusal.retry_seconds
            [count] = PROGRESS.findall(refusal.message)
            assert 0 < int(count) < RECORD_COUNT
        assert not any(call.done() for call in (*patient_calls, patient_command))
        os.kill(folding.projector, signal.SIGCONT)
        [order], [events] = await asyncio.gather(*patient_calls)
        assert (order.order.version, len(events.events)) == (3, 3)
        assert (await patient_command).order_version == 1
        await wait_until_serving(folding.address)
        assert await health_of(channel) == {health_pb2.HealthCheckResponse.SERVING}
    assert folding.stop() == 0
    assert folding.faults == []


async def test_progress_of_the_first_fold_is_logged(folding: RunningServer) -> None:
    await wait_until_logged(folding, f"of {RECORD_COUNT:,} records ({ORDERS})")
    os.kill(folding.projector, signal.SIGCONT)
    for name in (ORDERS, HISTORY):
        await wait_until_logged(folding, f"folded the log: {RECORD_COUNT:,} records ({name})")
    assert re.search(rf"INFO .*: folding the log: [\d,]+ of {RECORD_COUNT:,} records \({ORDERS}\)\n", folding.stderr)


async def test_server_stopped_during_the_first_fold_continues_it_after_a_restart(unfolded: RunningServer) -> None:
    count = 0
    for _ in range(2):
        unfolded.spawn()
        await wait_until_folded_beyond(unfolded.data, count)
        unfolded.signal(signal.SIGTERM)
        assert await asyncio.to_thread(unfolded.wait) == 0
        assert count < folded_count(unfolded.data) < RECORD_COUNT
        count = folded_count(unfolded.data)
    assert unfolded.faults == []
    await asyncio.to_thread(unfolded.start)
    await wait_until_serving(unfolded.address)
    assert unfolded.stop() == 0
    assert [folded_count(unfolded.data, name) for name in (ORDERS, HISTORY)] == [RECORD_COUNT] * 2


async def test_server_killed_during_the_first_fold_continues_it_after_a_restart(unfolded: RunningServer) -> None:
    await asyncio.to_thread(unfolded.start)
    await wait_until_folded_beyond(unfolded.data, 0)
    unfolded.kill()
    count = folded_count(unfolded.data)
    assert 0 < count < RECORD_COUNT
    await asyncio.to_thread(unfolded.start)
    await wait_until_serving(unfolded.address)
    async with open_channel_without_retries(unfolded) as channel:
        [answer] = await RPCS["GetOrder"].call(channel, GetOrderRequest(order_id="order-7").SerializeToString())
    assert answer.order.version == 3
