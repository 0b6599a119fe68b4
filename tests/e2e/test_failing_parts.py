"""A server with a failing log, disk or projector refuses calls with a typed error, and recovers."""

import asyncio
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import grpc
import pytest
from tests.e2e.direct_call import open_channel_without_retries, place_order
from tests.e2e.reference_fold import fold_directory
from tests.e2e.refusals import catch_refusal
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order, new_id
from tests.process_freeze import freeze_process

from ordertrail.client import connect
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.commands_pb2 import ConfirmOrderRequest
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, StreamOrderEventsRequest
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Entry
from ordertrail_server.storage.sqlite import sqlite3


async def test_commands_above_the_limit_are_refused_with_retry_delay(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_WAITING_COMMANDS": "1"})
    with closing(server.start()):
        async with open_channel_without_retries(server) as channel:
            calls = [asyncio.ensure_future(place_order(channel, build_order())) for _ in range(200)]
            refusals = [
                await catch_refusal(call) for call in calls if isinstance(await outcome(call), grpc.aio.AioRpcError)
            ]
        assert refusals
        assert {call_refusal.reason for call_refusal in refusals} == {"OVERLOADED"}
        assert all(
            call_refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED and call_refusal.retry_seconds
            for call_refusal in refusals
        )
        assert len((await fold_directory(server.data)).facts) == 200 - len(refusals)


async def test_batches_wait_for_space_when_single_calls_are_refused(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_WAITING_COMMANDS": "1"})
    with closing(server.start()):
        async with connect(server.address) as orders:
            answers = [answer async for answer in orders.execute(build_order() for _ in range(500))]
        assert [answer.receipt.order_version for answer in answers] == [1] * 500


async def test_query_with_token_is_not_fresh_yet_while_projector_is_stopped(server: RunningServer) -> None:
    server.start()
    await wait_until_serving(server.address)
    projector = server.projector
    freeze_process(projector)
    try:
        async with open_channel_without_retries(server) as channel:
            receipt = await place_order(channel, build_order())
            request = GetOrderRequest(order_id=receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
            call_refusal = await catch_refusal(RPCS["GetOrder"].call(channel, request.SerializeToString(), 3))
            assert (call_refusal.code.name, call_refusal.reason) == ("DEADLINE_EXCEEDED", "NOT_FRESH_YET")
            assert call_refusal.retry_seconds
            os.kill(projector, signal.SIGCONT)
            assert await RPCS["GetOrder"].call(channel, request.SerializeToString())
    finally:
        os.kill(projector, signal.SIGCONT)


async def test_order_with_broken_chain_is_parked_and_others_are_not(server: RunningServer) -> None:
    order_id, other_order = new_id("order"), new_id("order")
    server.start()
    async with connect(server.address) as orders:
        first = await orders.send(build_order(order_id))
    server.stop()
    await append(server.data, order_id, previous=b"none of its facts")
    server.start()
    async with open_channel_without_retries(server) as channel:
        call_refusal = await catch_refusal(
            RPCS["ConfirmOrder"].call(channel, ConfirmOrderRequest(order_id=order_id).SerializeToString())
        )
        assert (call_refusal.code.name, call_refusal.reason) == ("UNAVAILABLE", "ORDER_PARKED")
        assert call_refusal.retry_seconds
        await wait_until_serving(server.address)
        for request in (GetOrderRequest(order_id=order_id), StreamOrderEventsRequest(order_id=order_id)):
            name = type(request).__name__.removesuffix("Request")
            assert (await catch_refusal(RPCS[name].call(channel, request.SerializeToString()))).reason == "ORDER_PARKED"
        assert (await place_order(channel, build_order(other_order))).order_version == 1
        repeated = await place_order(channel, build_order(order_id, first.request_id))
        assert (repeated.replayed, repeated.digest) == (True, first.digest)


async def test_command_is_unavailable_while_the_log_is_locked(server: RunningServer) -> None:
    server.start()
    request = build_order()
    async with open_channel_without_retries(server) as channel:
        with closing(sqlite3.connect(server.data / "log.sqlite")) as connection:
            connection.execute("BEGIN IMMEDIATE")
            call_refusal = await catch_refusal(RPCS["PlaceOrder"].call(channel, request.SerializeToString()))
        assert (call_refusal.code.name, call_refusal.reason) == ("UNAVAILABLE", "UNAVAILABLE")
        assert call_refusal.retry_seconds
        receipt = await place_order(channel, request)
        assert (receipt.order_version, receipt.replayed) == (1, False)


async def test_call_with_short_deadline_is_unavailable_while_the_log_is_locked(
    server: RunningServer,
) -> None:
    server.start()
    request = build_order()
    async with open_channel_without_retries(server) as channel:
        with closing(sqlite3.connect(server.data / "log.sqlite")) as connection:
            connection.execute("BEGIN IMMEDIATE")  # longer than the call lasts
            call_refusal = await catch_refusal(RPCS["PlaceOrder"].call(channel, request.SerializeToString(), 3))
        assert (call_refusal.code.name, call_refusal.reason) == ("UNAVAILABLE", "UNAVAILABLE")
        assert call_refusal.retry_seconds
        assert (await place_order(channel, request)).order_version == 1


async def test_retry_after_failed_commit_leads_to_one_fact(server: RunningServer) -> None:
    server.start()
    request = build_order()
    async with open_channel_without_retries(server) as channel:
        await place_order(channel, build_order())
        with fail_writes(server), pytest.raises(grpc.aio.AioRpcError) as error:
            await RPCS["PlaceOrder"].call(channel, request.SerializeToString(), 1)
        assert error.value.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)
        receipt = await place_order(channel, request)
        assert (await place_order(channel, request)).digest == receipt.digest
    assert [fact.request[1] for fact in (await fold_directory(server.data)).facts].count(request.request_id) == 1


async def test_damaged_record_is_never_returned(server: RunningServer) -> None:
    server.start()
    async with connect(server.address) as orders:
        repeated = build_order()
        receipt = await orders.send(repeated)
        # The projector has read the record, so it does not stop the server before the retry.
        await orders.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
    damage(server.data / "log.sqlite")
    async with open_channel_without_retries(server) as channel:
        call_refusal = await catch_refusal(RPCS["PlaceOrder"].call(channel, repeated.SerializeToString()))
        assert (call_refusal.code.name, call_refusal.reason) == ("INTERNAL", "INTERNAL")


async def outcome(call: "asyncio.Future[Receipt]") -> BaseException | None:
    await asyncio.wait([call])
    return call.exception()


async def append(data: Path, order_id: str, previous: bytes) -> None:
    """Append a record that follows no fact of the order, like damage."""
    log = EmbeddedLog.open(data)
    record = Record(order_id=order_id, order_version=2, previous=previous, event_id=new_id("event"))
    record.order_confirmed_v2.SetInParent()
    await log.append(0, [Entry(order_id, record.SerializeToString())])
    await log.close()


@contextmanager
def fail_writes(server: RunningServer) -> Iterator[None]:
    """Let every write of the server process to a file fail."""
    limits = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, limits)


def damage(log: Path) -> None:
    with closing(sqlite3.connect(log)) as connection:
        connection.execute("DROP TRIGGER records_are_never_changed")
        connection.execute("UPDATE records SET value = zeroblob(length(value))")
        connection.commit()
