"""The views of operators on parked orders, records and event schemas."""

from typing import Any

import grpc
import pytest
from tests.e2e.parked import PARKED, UNKNOWN_EVENT_FAULT, build_parked_log, catch_refusal_of_rpc
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order
from tests.schema.event_cases import NEWEST

from ordertrail.client import OrderTrail
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.projection_service_pb2 import (
    RECORD_VERDICT_BARRIER,
    RECORD_VERDICT_BROKEN,
    RECORD_VERDICT_FACT,
    RECORD_VERDICT_VOID,
    EventSchema,
)
from ordertrail_server.schema.cases import message_of, version_of


async def test_parked_orders_are_listed_by_parking_time(client: OrderTrail) -> None:
    orders = [order async for order in client.parked_orders(page_size=1)]
    assert [(order.order_id, order.position.offset) for order in orders] == list(PARKED.items())
    assert [(order.version, order.waiting_count) for order in orders] == [(1, 2), (0, 1), (1, 0)]
    assert [order.reason for order in orders] == [
        UNKNOWN_EVENT_FAULT,
        UNKNOWN_EVENT_FAULT,
        "its chain is broken at offset 6",
    ]
    assert [order.record_time.seconds - 1_750_000_000 for order in orders] == [2, 4, 7]
    assert orders == [order async for order in client.parked_orders()]


async def test_parked_order_has_its_waiting_events(client: OrderTrail) -> None:
    parked = await client.parked_order("newer")
    builder = build_parked_log().records[0]
    assert parked.order == await anext(client.parked_orders())
    assert [(e.position.offset, e.order_version, e.reason) for e in parked.waiting] == [
        (1, 2, UNKNOWN_EVENT_FAULT),
        (4, 3, UNKNOWN_EVENT_FAULT),
    ]
    assert parked.waiting[0].digest == Record.FromString(builder[4].value).previous


@pytest.mark.parametrize("name", ["GetParkedOrder", "RetryParkedOrder"])
async def test_order_that_is_not_parked_or_does_not_exist_is_refused(client: OrderTrail, name: str) -> None:
    call_refusal = await catch_refusal_of_rpc(client, name, RPCS[name].request(order_id="fine"))
    assert (call_refusal.code, call_refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ORDER_NOT_PARKED")
    assert (call_refusal.preconditions, call_refusal.resources) == (["ORDER_NOT_PARKED"], ["fine"])
    assert (
        await catch_refusal_of_rpc(client, name, RPCS[name].request(order_id="no-such-order"))
    ).reason == "ORDER_NOT_FOUND"


async def test_event_schemas_have_counts_of_records(client: OrderTrail) -> None:
    before = await client.event_schemas()
    receipt = await client.send(build_order())
    await client.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
    after = await client.event_schemas()
    newest = NEWEST["OrderPlaced"]
    message_name, version = message_of(newest).full_name, version_of(message_of(newest))
    assert count_message(after.schemas, message_name) == count_message(before.schemas, message_name) + 1
    assert (
        count_message(after.schemas, message_of(NEWEST["OrderConfirmed"]).full_name) == 3
    )  # the broken one is one of them
    assert after.unknown_record_count == 2  # of a newer release; a barrier is known
    [parked] = [schema for schema in after.schemas if schema.message == message_name]
    assert (parked.version, parked.number) == (version, newest.number)
    assert (parked.reads_as, parked.written) == ("ordertrail.v1.OrderPlaced", True)
    assert [schema.number for schema in after.schemas] == sorted(schema.number for schema in after.schemas)


def count_message(schemas: Any, message: str) -> int:
    [orders] = [schema for schema in schemas if schema.message == message]
    assert isinstance(orders, EventSchema)
    return orders.record_count


@pytest.mark.parametrize(
    ("offset", "verdict", "detail"),
    [
        (0, RECORD_VERDICT_FACT, ""),
        (1, RECORD_VERDICT_FACT, ""),
        (6, RECORD_VERDICT_BROKEN, "it claims version 2, but its order was at version 1"),
        (8, RECORD_VERDICT_VOID, "it claims version 1, but its order was at version 2"),
        (9, RECORD_VERDICT_BARRIER, "a server appended it to find the end of the partition"),
    ],
)
async def test_explained_record_has_its_verdict(client: OrderTrail, offset: int, verdict: int, detail: str) -> None:
    explanation = await client.explain(0, offset)
    entry = build_parked_log().records[0][offset]
    assert (explanation.key, explanation.value) == (entry.key, entry.value)
    assert (explanation.position.partition, explanation.position.offset) == (0, offset)
    assert (explanation.verdict, explanation.verdict_detail) == (verdict, detail)


async def test_explained_fact_equals_the_listed_event(client: OrderTrail) -> None:
    [first, *_] = [event async for event in client.list_events(order_id="fine")]
    explanation = await client.explain(0, 2)
    assert (explanation.event, explanation.digest, explanation.fault) == (first, first.digest, "")
    newest = NEWEST["OrderPlaced"]
    assert (explanation.written_number, explanation.written_as) == (newest.number, message_of(newest).full_name)


async def test_event_of_newer_release_is_explained_without_its_content(client: OrderTrail) -> None:
    explanation = await client.explain(0, 1)
    assert (explanation.fault, explanation.written_number, explanation.written_as) == (UNKNOWN_EVENT_FAULT, 99, "")
    assert (explanation.event.order_id, explanation.event.order_version) == ("newer", 2)
    assert explanation.event.WhichOneof("event") is None
    barrier = await client.explain(0, 9)
    assert barrier.fault
    assert not barrier.HasField("event")
    assert not barrier.HasField("written_number")


async def test_newest_record_is_explained_and_missing_one_is_not_found(client: OrderTrail) -> None:
    receipt = await client.send(build_order())
    explanation = await client.explain(0, receipt.position.offset)
    assert (explanation.verdict, explanation.digest) == (RECORD_VERDICT_FACT, receipt.digest)
    for partition, offset in ((0, 1 << 40), (1, 0)):
        request = RPCS["ExplainEvent"].request(partition=partition, offset=offset)
        call_refusal = await catch_refusal_of_rpc(client, "ExplainEvent", request)
        assert (call_refusal.code, call_refusal.reason) == (grpc.StatusCode.NOT_FOUND, "RECORD_NOT_FOUND")


async def test_projection_service_reports_serving(server_with_parked_orders: RunningServer, client: OrderTrail) -> None:
    await wait_until_serving(server_with_parked_orders.address, "ordertrail.v1.ProjectionService")
