"""How a server ends, what it refuses to start on, and what it makes again by itself."""

import asyncio
import os
import shutil
import signal
import sqlite3
from collections.abc import Awaitable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.e2e.load import Ledger, Load
from tests.e2e.refusals import PYTHON
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer, refusal_to_start, until_serving
from tests.e2e.shop import an_order, life, new_id
from tests.e2e.truth import receipts_are_facts, truth_of

from ordertrail.client import OrderTrail, connect
from ordertrail.commands import confirm
from ordertrail.errors import Refused
from ordertrail.v1.commands_pb2 import Command, ExecuteCommandsRequest, ExecuteCommandsResponse
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import ListOrdersRequest, StreamOrderEventsRequest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stopping_server_says_so_and_ends_with_0(server: RunningServer, number: signal.Signals) -> None:
    server.start()
    await until_serving(server.address)
    async with grpc.aio.insecure_channel(server.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        server.signal(number)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
    assert await asyncio.to_thread(server.wait) == 0
    assert "Traceback" not in server.stderr


async def test_a_followed_stream_ends_with_ok_and_a_token_that_goes_on(server: RunningServer) -> None:
    server.start()
    await until_serving(server.address)
    async with connect(server.address) as orders:
        placed = [await orders.send(an_order()) for _ in range(3)]
        stream = orders.history.StreamOrderEvents(StreamOrderEventsRequest(follow=True))
        seen, token = await until_caught_up(stream, len(placed))
        server.signal(signal.SIGTERM)
        async for frame in stream:
            token = frame.resume_token
        assert await stream.code() is grpc.StatusCode.OK
        assert await asyncio.to_thread(server.wait) == 0
    server.start()
    await until_serving(server.address)
    async with connect(server.address) as orders:
        later = await orders.send(an_order())
        fresh = [later.consistency_token]
        behind = [event async for event in orders.stream(resume_token=token, at_least_as_fresh=fresh)]
    assert [event.digest for event in [*seen, *behind]] == [receipt.digest for receipt in [*placed, later]]


async def test_a_stream_of_batches_ends_between_two_of_them(server: RunningServer) -> None:
    server.start()
    refused = [Command(confirm_order=confirm("no-such-order"))] * 199
    async with connect(server.address) as orders:
        call, answers = orders.commands.ExecuteCommands(None), list[ExecuteCommandsResponse]()
        for _ in range(20):
            await call.write(ExecuteCommandsRequest(commands=[*refused, Command(place_order=an_order())]))
        server.signal(signal.SIGTERM)
        while isinstance(answer := await call.read(), ExecuteCommandsResponse):
            answers.append(answer)
        assert await call.code() is grpc.StatusCode.OK
        assert all(len(answer.results) == 200 for answer in answers)
        assert await asyncio.to_thread(server.wait) == 0
    assert len((await truth_of(server.data)).facts) == len(answers)


async def test_an_idle_stream_of_batches_does_not_keep_a_server(server: RunningServer) -> None:
    server.start()
    async with connect(server.address) as orders:
        call = orders.commands.ExecuteCommands(None)
        await call.write(ExecuteCommandsRequest())
        await call.read()
        server.signal(signal.SIGTERM)
        assert await call.code() is grpc.StatusCode.OK
        assert await asyncio.to_thread(server.wait, 5) == 0


async def test_a_call_that_never_ends_keeps_a_server_no_longer_than_its_grace(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_GRACE_SECONDS": "1"}).start()
    with closing(server):
        await until_serving(server.address)
        async with grpc.aio.insecure_channel(server.address) as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            await watch.read()
            server.signal(signal.SIGTERM)
            assert await asyncio.to_thread(server.wait, 5) == 0
            watch.cancel()


async def test_load_meets_nothing_but_typed_answers_while_a_server_stops(server: RunningServer) -> None:
    server.start()
    async with grpc.aio.insecure_channel(server.address, options=[("grpc.enable_retries", 0)]) as channel:
        placing = [asyncio.create_task(place_until_refused(channel)) for _ in range(8)]
        await asyncio.sleep(0.3)  # some load, then the signal in its midst
        server.signal(signal.SIGTERM)
        counts = await asyncio.gather(*placing)
    assert await asyncio.to_thread(server.wait) == 0
    assert len((await truth_of(server.data)).facts) >= sum(counts) > 0


async def test_callers_who_retry_do_not_notice_restarts(server: RunningServer) -> None:
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
    receipts_are_facts(ledger.receipts, await truth_of(server.data))


async def test_a_data_directory_has_one_server(server: RunningServer) -> None:
    server.start()
    said = refusal_to_start(server.data)
    assert said.count("\n") == 1
    assert f"Another process (pid {server.pid}) already serves" in said
    async with connect(server.address) as orders:
        assert (await orders.send(an_order())).order_version == 1


async def test_a_port_that_is_taken_is_told_in_one_sentence(server: RunningServer, tmp_path: Path) -> None:
    server.start()
    said = refusal_to_start(tmp_path / "other", server.address)
    assert (
        said.strip().splitlines()[-1] == f"Error: cannot listen on {server.address}: is another server running there?"
    )


async def test_stores_of_another_log_are_refused(server: RunningServer, tmp_path: Path) -> None:
    await filled(server)
    other = RunningServer(tmp_path / "other")
    await filled(other)
    shutil.copy(other.data / "log.sqlite", server.data / "log.sqlite")
    assert "another log" in refusal_to_start(server.data)
    (server.data / "state.sqlite").unlink()
    # Only the projector can tell now, while the server listens already.
    assert "another log" in refusal_to_start(server.data, listens=True)


async def test_a_log_that_lost_its_end_is_refused(server: RunningServer) -> None:
    await filled(server)
    copy = server.data.with_name("early.sqlite")
    shutil.copy(server.data / "log.sqlite", copy)
    await filled(server)
    copy.replace(server.data / "log.sqlite")
    assert "lost records" in refusal_to_start(server.data)


async def test_a_log_whose_end_was_changed_is_refused(server: RunningServer) -> None:
    await filled(server)
    copy = server.data.with_name("early.sqlite")
    shutil.copy(server.data / "log.sqlite", copy)
    await filled(server)
    stores = server.data.with_name("stores")
    shutil.copytree(server.data, stores)
    copy.replace(server.data / "log.sqlite")
    for leftover in ("state.sqlite", "read-model"):
        remove(server.data / leftover)
    await filled(server)
    (server.data / "log.sqlite").replace(stores / "log.sqlite")
    assert "is not the one that was read there before" in refusal_to_start(stores)


async def test_a_log_that_is_gone_is_not_begun_anew_beside_its_stores(server: RunningServer) -> None:
    await filled(server)
    (server.data / "log.sqlite").unlink()
    assert "no log.sqlite" in refusal_to_start(server.data)
    assert not (server.data / "log.sqlite").exists()


@pytest.mark.parametrize("store", ["read-model", "state.sqlite"])
async def test_a_store_that_is_deleted_is_made_again_as_it_was(server: RunningServer, store: str) -> None:
    await filled(server)
    rows, answers = rows_of(server.data), await answers_of(server)
    server.stop()
    remove(server.data / store)
    assert await answers_of(server) == answers
    server.stop()
    assert rows_of(server.data) == rows


async def test_a_projector_that_dies_is_started_again(server: RunningServer) -> None:
    server.start()
    await until_serving(server.address)
    async with connect(server.address) as orders:
        for _ in range(3):
            died = server.projector
            os.kill(died, signal.SIGKILL)
            receipt = await orders.send(an_order())
            read = await orders.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
            assert read.version == 1
            assert server.projector != died
    assert server.stop() == 0


async def test_a_server_that_is_stopped_while_it_starts_ends_cleanly(server: RunningServer) -> None:
    for step in range(6):
        server.spawn()
        await asyncio.sleep(0.15 * step)
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) in (0, -signal.SIGTERM)
        assert "Traceback" not in server.stderr
    await filled(server)


async def until_caught_up(stream: Any, count: int) -> tuple[list[HistoryEvent], str]:
    """Read a stream until so many events and caught_up were sent."""
    seen: list[HistoryEvent] = []
    async for frame in stream:
        seen.extend(frame.events)
        if len(seen) >= count and frame.caught_up:
            return seen, frame.resume_token
    raise AssertionError("the stream ended")


async def place_until_refused(channel: grpc.aio.Channel) -> int:
    """Place orders until the server is gone; return how many were acknowledged."""
    count = 0
    while (error := await error_of(RPCS["PlaceOrder"].call(channel, an_order().SerializeToString()))) is None:
        count += 1
    # gRPC itself cancels a call that arrived and was not looked at yet.
    assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    assert not PYTHON.search(str(error.details()))
    return count


async def error_of(call: Awaitable[Any]) -> grpc.aio.AioRpcError | None:
    """Return how a call failed, None if it did not."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error
    return None


async def filled(server: RunningServer) -> None:
    """Have a server take in some orders' lives, project them, and stop."""
    server.start()
    await until_serving(server.address)
    async with connect(server.address) as orders:
        requests = [request for _ in range(5) for request in life(new_id("order"), Random(1))]
        results = [result async for result in orders.execute(requests)]
        last = results[-1].receipt.consistency_token
        await orders.history.ListOrders(ListOrdersRequest(at_least_as_fresh=[last]))
    assert server.stop() == 0


async def answers_of(server: RunningServer) -> list[Any]:
    """Start a server, and return what it answers to every question about everything, and to commands."""
    server.start()
    await until_serving(server.address)
    async with connect(server.address) as orders:
        listed = [order async for order in orders.list_orders()]
        events = [event async for event in orders.stream()]
        as_of = [await orders.get(event.order_id, version=event.order_version) for event in events[::7]]
        previews = [await preview(orders, order.order_id) for order in listed]
        return [listed, events, as_of, previews]


async def preview(orders: OrderTrail, order_id: str) -> str:
    """Return what the write side says of an order: the reason why it cannot be confirmed a second time."""
    with pytest.raises(Refused) as refused:
        await orders.confirm(order_id, validate_only=True)
    return refused.value.message


def rows_of(data: Path) -> dict[str, list[Any]]:
    """Return every row of both stores of a stopped server."""
    files = [data / "state.sqlite", *sorted((data / "read-model").glob("*.sqlite"))]
    assert len(files) == 2
    rows: dict[str, list[Any]] = {}
    for file in files:
        with closing(sqlite3.connect(file)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
            for (name,) in names:
                rows[f"{file.name}:{name}"] = sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
    return rows


def remove(path: Path) -> None:
    for found in path.parent.glob(f"{path.name}*"):
        shutil.rmtree(found) if found.is_dir() else found.unlink()
