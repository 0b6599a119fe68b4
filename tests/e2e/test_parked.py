"""Orders that cannot be read are refused with a typed error. Other orders do not wait, and no fact is lost."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.e2e.parked import PARKED, UNKNOWN_EVENT_FAULT, catch_refusal_of_rpc, create_client, make_log, read_all
from tests.e2e.refusals import Refused as CallRefusal, catch_refusal, read_status
from tests.e2e.rpcs import RPCS, VERBS, build_request
from tests.e2e.running_server import RunningServer
from tests.e2e.sample_orders import build_order
from tests.projections.log_builder import PLACED, LogBuilder

from ordertrail.client import OrderTrail
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.commands_pb2 import CancelOrderRequest, Command, ConfirmOrderRequest, ExecuteCommandsRequest
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    ListOrderEventsRequest,
    StreamOrderEventsRequest,
)
from ordertrail_server.access.rights import FULL_RIGHTS
from ordertrail_server.commands.prepare import Caller, prepare
from ordertrail_server.log.port import Entry


def assert_parked(call_refusal: CallRefusal, order_id: str) -> None:
    assert (call_refusal.code, call_refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "ORDER_PARKED")
    assert call_refusal.retry_seconds
    assert call_refusal.resources == [order_id]
    fault = "its chain is broken at offset 6" if order_id == "broken" else UNKNOWN_EVENT_FAULT
    assert fault in call_refusal.message


# Parked orders are refused


@pytest.mark.parametrize("order_id", PARKED)
@pytest.mark.parametrize("verb", VERBS)
async def test_every_command_on_a_parked_order_is_refused(client: OrderTrail, verb: str, order_id: str) -> None:
    assert_parked(await catch_refusal_of_rpc(client, verb, build_request(verb, order_id)), order_id)


async def test_batch_refuses_only_the_command_on_a_parked_order(client: OrderTrail) -> None:
    batch = ExecuteCommandsRequest(
        commands=[Command(confirm_order=ConfirmOrderRequest(order_id="newer")), Command(place_order=build_order())]
    )
    [answer] = await RPCS["ExecuteCommands"].call(client.channel, batch.SerializeToString())
    call_refusal, placed_entry = answer.results
    assert_parked(read_status(call_refusal.status), "newer")
    assert placed_entry.receipt.order_version == 1


@pytest.mark.parametrize("order_id", PARKED)
@pytest.mark.parametrize("point", ["now", "version", "record_time", "token"])
async def test_get_refuses_a_parked_order_at_any_point_in_time(client: OrderTrail, order_id: str, point: str) -> None:
    request = GetOrderRequest(order_id=order_id)
    if point == "version":
        request.version = 1
    elif point == "record_time":
        request.record_time.GetCurrentTime()
    elif point == "token":
        request.token = (await client.event_schemas()).consistency_token
    assert_parked(await catch_refusal_of_rpc(client, "GetOrder", request), order_id)


@pytest.mark.parametrize("order_id", PARKED)
async def test_list_events_refuses_a_parked_order(client: OrderTrail, order_id: str) -> None:
    assert_parked(
        await catch_refusal_of_rpc(client, "ListOrderEvents", ListOrderEventsRequest(order_id=order_id)), order_id
    )


@pytest.mark.parametrize("order_id", PARKED)
@pytest.mark.parametrize("follow", [False, True])
async def test_stream_of_parked_order_sends_readable_events_and_is_refused(
    client: OrderTrail, order_id: str, follow: bool
) -> None:
    call = client.history.StreamOrderEvents(StreamOrderEventsRequest(order_id=order_id, follow=follow))
    frames: list[Any] = []
    assert_parked(await catch_refusal(read_all(call, frames)), order_id)
    versions = [event.order_version for frame in frames for event in frame.events]
    assert versions == ([] if order_id == "first" else [1])
    assert not any(frame.caught_up for frame in frames)


# Other orders do not wait


async def test_other_orders_can_be_read_next_to_parked_ones(client: OrderTrail) -> None:
    assert (await client.get("fine")).version == 2
    names = [(event.order_id, event.order_version) async for event in client.stream()]
    assert names[:4] == [("newer", 1), ("fine", 1), ("broken", 1), ("fine", 2)]
    of_shop = [event.order_version async for event in client.list_events(customer_id="shop-1")]
    assert of_shop[:4] == [1, 1, 1, 2]


async def test_followed_stream_continues_past_a_parked_order(client: OrderTrail) -> None:
    call: Any = client.history.StreamOrderEvents(StreamOrderEventsRequest(follow=True))
    while not (await call.read()).caught_up:
        pass
    receipt = await client.send(build_order())
    events: list[Any] = []
    while not events:
        events += (await call.read()).events
    call.cancel()
    assert [event.order_id for event in events] == [receipt.order_id]


@pytest.mark.parametrize("conditions", [{}, {"customer_id": "shop-1"}, {"product_id": "apple"}])
async def test_stream_names_the_orders_whose_events_are_skipped(client: OrderTrail, conditions: dict[str, Any]) -> None:
    parked_ids: list[str] = []
    events = [event async for event in client.stream(on_parked=parked_ids.extend, **conditions)]
    assert ("newer", 1) in [(event.order_id, event.order_version) for event in events]
    assert parked_ids == ["newer", "first"]


async def test_list_of_customer_names_the_orders_whose_events_are_skipped(client: OrderTrail) -> None:
    parked_ids: list[str] = []
    events = [event async for event in client.list_events(customer_id="shop-1", on_parked=parked_ids.extend)]
    assert [(event.order_id, event.order_version) for event in events][:2] == [("newer", 1), ("fine", 1)]
    assert parked_ids == ["newer", "first"]


# Retries get their receipts


async def test_retry_is_answered_although_its_fact_is_of_a_newer_release(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data")
    request = ConfirmOrderRequest(order_id="order-1", request_id="of a newer release")
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_future_event("order-1")
    placed_entry, future = builder.records[0]
    record = Record.FromString(future.value)
    record.cause.request_id = request.request_id
    record.cause.command_digest = compute_digest(request)
    await asyncio.to_thread(make_log, server.data, [placed_entry, Entry("order-1", record.SerializeToString())])
    with closing(server.start()):
        async with create_client(server) as client:
            receipt = await client.send(request)
            assert (receipt.order_version, receipt.replayed, receipt.position.offset) == (2, True, 1)
            assert receipt.event.order_version == 2
            assert receipt.event.WhichOneof("event") is None
            reuse_refusal = await catch_refusal_of_rpc(
                client, "CancelOrder", CancelOrderRequest(order_id="order-1", request_id="of a newer release")
            )
            assert reuse_refusal.reason == "REQUEST_ID_REUSED"


def compute_digest(request: Any) -> bytes:
    copy = type(request).FromString(request.SerializeToString())
    return prepare(copy, asyncio.get_running_loop().create_future(), Caller(FULL_RIGHTS), lambda: "").digest
