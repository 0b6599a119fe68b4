"""When the server itself is in trouble, callers are told what to do, and it goes on as soon as it can."""

import asyncio
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import grpc
import pytest
from tests.e2e.refusals import refusal
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer, until_serving
from tests.e2e.shop import an_order, new_id
from tests.e2e.truth import truth_of

from ordertrail.client import connect
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.commands_pb2 import ConfirmOrderRequest, PlaceOrderRequest
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, StreamOrderEventsRequest
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Entry
from ordertrail_server.storage.sqlite import sqlite3


async def test_too_many_waiting_commands_are_told_when_to_come_again(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_WAITING_COMMANDS": "1"})
    with closing(server.start()):
        async with bare(server) as channel:
            calls = [asyncio.ensure_future(placed(channel, an_order())) for _ in range(200)]
            refused = [await refusal(call) for call in calls if isinstance(await outcome(call), grpc.aio.AioRpcError)]
        assert refused
        assert {told.reason for told in refused} == {"OVERLOADED"}
        assert all(told.code is grpc.StatusCode.RESOURCE_EXHAUSTED and told.retry_seconds for told in refused)
        assert len((await truth_of(server.data)).facts) == 200 - len(refused)


async def test_batches_wait_for_room_where_single_calls_are_refused(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_WAITING_COMMANDS": "1"})
    with closing(server.start()):
        async with connect(server.address) as orders:
            answers = [answer async for answer in orders.execute(an_order() for _ in range(500))]
        assert [answer.receipt.order_version for answer in answers] == [1] * 500


async def test_a_read_model_that_stands_still_is_not_fresh_yet(server: RunningServer) -> None:
    server.start()
    await until_serving(server.address)
    projector = server.projector
    os.kill(projector, signal.SIGSTOP)
    try:
        async with bare(server) as channel:
            receipt = await placed(channel, an_order())
            asked = GetOrderRequest(order_id=receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
            told = await refusal(RPCS["GetOrder"].call(channel, asked.SerializeToString(), 3))
            assert (told.code.name, told.reason) == ("DEADLINE_EXCEEDED", "NOT_FRESH_YET")
            assert told.retry_seconds
            os.kill(projector, signal.SIGCONT)
            assert await RPCS["GetOrder"].call(channel, asked.SerializeToString())
    finally:
        os.kill(projector, signal.SIGCONT)


async def test_an_order_whose_chain_is_broken_is_parked_and_others_are_not(server: RunningServer) -> None:
    order_id, other = new_id("order"), new_id("order")
    server.start()
    async with connect(server.address) as orders:
        first = await orders.send(an_order(order_id))
    server.stop()
    await append(server.data, order_id, previous=b"none of its facts")
    server.start()
    async with bare(server) as channel:
        told = await refusal(
            RPCS["ConfirmOrder"].call(channel, ConfirmOrderRequest(order_id=order_id).SerializeToString())
        )
        assert (told.code.name, told.reason) == ("UNAVAILABLE", "ORDER_PARKED")
        assert told.retry_seconds
        await until_serving(server.address)
        for asked in (GetOrderRequest(order_id=order_id), StreamOrderEventsRequest(order_id=order_id)):
            name = type(asked).__name__.removesuffix("Request")
            assert (await refusal(RPCS[name].call(channel, asked.SerializeToString()))).reason == "ORDER_PARKED"
        assert (await placed(channel, an_order(other))).order_version == 1
        again = await placed(channel, an_order(order_id, first.request_id))
        assert (again.replayed, again.digest) == (True, first.digest)


async def test_a_log_that_cannot_be_written_is_told_and_goes_on_when_it_can(server: RunningServer) -> None:
    server.start()
    request = an_order()
    async with bare(server) as channel:
        with closing(sqlite3.connect(server.data / "log.sqlite")) as other:
            other.execute("BEGIN IMMEDIATE")
            told = await refusal(RPCS["PlaceOrder"].call(channel, request.SerializeToString()))
        assert (told.code.name, told.reason) == ("UNAVAILABLE", "UNAVAILABLE")
        assert told.retry_seconds
        receipt = await placed(channel, request)
        assert (receipt.order_version, receipt.replayed) == (1, False)


async def test_call_whose_deadline_is_near_is_told_to_retry_while_the_log_cannot_be_written(
    server: RunningServer,
) -> None:
    server.start()
    request = an_order()
    async with bare(server) as channel:
        with closing(sqlite3.connect(server.data / "log.sqlite")) as other:
            other.execute("BEGIN IMMEDIATE")  # for longer than the call lasts
            told = await refusal(RPCS["PlaceOrder"].call(channel, request.SerializeToString(), 3))
        assert (told.code.name, told.reason) == ("UNAVAILABLE", "UNAVAILABLE")
        assert told.retry_seconds
        assert (await placed(channel, request)).order_version == 1


async def test_a_command_whose_commit_failed_leads_to_one_fact_when_it_is_sent_again(server: RunningServer) -> None:
    server.start()
    request = an_order()
    async with bare(server) as channel:
        await placed(channel, an_order())
        with writing_fails(server), pytest.raises(grpc.aio.AioRpcError) as failed:
            await RPCS["PlaceOrder"].call(channel, request.SerializeToString(), 1)
        assert failed.value.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)
        receipt = await placed(channel, request)
        assert (await placed(channel, request)).digest == receipt.digest
    assert [fact.request[1] for fact in (await truth_of(server.data)).facts].count(request.request_id) == 1


async def test_a_record_that_was_damaged_on_disk_is_never_passed_on(server: RunningServer) -> None:
    server.start()
    async with connect(server.address) as orders:
        again = an_order()
        receipt = await orders.send(again)
        # The projector is past the record then, and does not stop the server before it is asked.
        await orders.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
    damage(server.data / "log.sqlite")
    async with bare(server) as channel:
        told = await refusal(RPCS["PlaceOrder"].call(channel, again.SerializeToString()))
        assert (told.code.name, told.reason) == ("INTERNAL", "INTERNAL")


def bare(server: RunningServer) -> grpc.aio.Channel:
    """Return a channel that shows each answer as it came; the client of the package retries what it may."""
    return grpc.aio.insecure_channel(server.address, options=[("grpc.enable_retries", 0)])


async def placed(channel: grpc.aio.Channel, request: PlaceOrderRequest) -> Receipt:
    [answer] = await RPCS["PlaceOrder"].call(channel, request.SerializeToString())
    receipt: Receipt = answer.receipt
    return receipt


async def outcome(call: "asyncio.Future[Receipt]") -> BaseException | None:
    await asyncio.wait([call])
    return call.exception()


async def append(data: Path, order_id: str, previous: bytes) -> None:
    """Append a record that follows no fact of the order, as only damage could."""
    log = EmbeddedLog.open(data)
    record = Record(order_id=order_id, order_version=2, previous=previous, event_id=new_id("event"))
    record.order_confirmed_v2.SetInParent()
    await log.append(0, [Entry(order_id, record.SerializeToString())])
    await log.close()


@contextmanager
def writing_fails(server: RunningServer) -> Iterator[None]:
    """Let every write of the server's process to a file fail."""
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
