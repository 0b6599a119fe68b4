"""The views of operators on parked orders, records and event schemas."""

from typing import Any

import grpc
import pytest
from tests.e2e.parked import PARKED, UNKNOWN_EVENT_FAULT, parked_story, refusal_of_rpc
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer, until_serving
from tests.e2e.shop import an_order
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
    story = parked_story().records[0]
    assert parked.order == await anext(client.parked_orders())
    assert [(e.position.offset, e.order_version, e.reason) for e in parked.waiting] == [
        (1, 2, UNKNOWN_EVENT_FAULT),
        (4, 3, UNKNOWN_EVENT_FAULT),
    ]
    assert parked.waiting[0].digest == Record.FromString(story[4].value).previous


@pytest.mark.parametrize("name", ["GetParkedOrder", "RetryParkedOrder"])
async def test_order_that_is_not_parked_or_does_not_exist_is_refused(client: OrderTrail, name: str) -> None:
    call_refusal = await refusal_of_rpc(client, name, RPCS[name].request(order_id="fine"))
    assert (call_refusal.code, call_refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ORDER_NOT_PARKED")
    assert (call_refusal.preconditions, call_refusal.resources) == (["ORDER_NOT_PARKED"], ["fine"])
    assert (
        await refusal_of_rpc(client, name, RPCS[name].request(order_id="no-such-order"))
    ).reason == "ORDER_NOT_FOUND"


async def test_event_schemas_have_counts_of_records(client: OrderTrail) -> None:
    before = await client.event_schemas()
    receipt = await client.send(an_order())
    await client.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
    after = await client.event_schemas()
    newest = NEWEST["OrderPlaced"]
    message_name, version = message_of(newest).full_name, version_of(message_of(newest))
    assert count_of(after.schemas, message_name) == count_of(before.schemas, message_name) + 1
    assert count_of(after.schemas, message_of(NEWEST["OrderConfirmed"]).full_name) == 3  # the broken one is one of them
    assert after.unknown_record_count == 2  # of a newer release; a barrier is known
    [parked] = [schema for schema in after.schemas if schema.message == message_name]
    assert (parked.version, parked.number) == (version, newest.number)
    assert (parked.reads_as, parked.written) == ("ordertrail.v1.OrderPlaced", True)
    assert [schema.number for schema in after.schemas] == sorted(schema.number for schema in after.schemas)


def count_of(schemas: Any, message: str) -> int:
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
        (9, RECORD_VERDICT_BARRIER, "a server appended it to learn where the partition ends"),
    ],
)
async def test_explained_record_has_its_verdict(client: OrderTrail, offset: int, verdict: int, detail: str) -> None:
    explained = await client.explain(0, offset)
    entry = parked_story().records[0][offset]
    assert (explained.key, explained.value) == (entry.key, entry.value)
    assert (explained.position.partition, explained.position.offset) == (0, offset)
    assert (explained.verdict, explained.verdict_detail) == (verdict, detail)


async def test_explained_fact_equals_the_listed_event(client: OrderTrail) -> None:
    [first, *_] = [event async for event in client.list_events(order_id="fine")]
    explained = await client.explain(0, 2)
    assert (explained.event, explained.digest, explained.fault) == (first, first.digest, "")
    newest = NEWEST["OrderPlaced"]
    assert (explained.written_number, explained.written_as) == (newest.number, message_of(newest).full_name)


async def test_event_of_newer_release_is_explained_without_its_content(client: OrderTrail) -> None:
    explained = await client.explain(0, 1)
    assert (explained.fault, explained.written_number, explained.written_as) == (UNKNOWN_EVENT_FAULT, 99, "")
    assert (explained.event.order_id, explained.event.order_version) == ("newer", 2)
    assert explained.event.WhichOneof("event") is None
    barrier = await client.explain(0, 9)
    assert barrier.fault
    assert not barrier.HasField("event")
    assert not barrier.HasField("written_number")


async def test_newest_record_is_explained_and_missing_one_is_not_found(client: OrderTrail) -> None:
    receipt = await client.send(an_order())
    explained = await client.explain(0, receipt.position.offset)
    assert (explained.verdict, explained.digest) == (RECORD_VERDICT_FACT, receipt.digest)
    for partition, offset in ((0, 1 << 40), (1, 0)):
        request = RPCS["ExplainEvent"].request(partition=partition, offset=offset)
        call_refusal = await refusal_of_rpc(client, "ExplainEvent", request)
        assert (call_refusal.code, call_refusal.reason) == (grpc.StatusCode.NOT_FOUND, "RECORD_NOT_FOUND")


async def test_projection_service_reports_serving(troubled: RunningServer, client: OrderTrail) -> None:
    await until_serving(troubled.address, "ordertrail.v1.ProjectionService")
