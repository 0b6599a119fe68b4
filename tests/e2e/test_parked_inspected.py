"""What operators see of orders that cannot be read, and of the records of a log."""

from typing import Any

import grpc
import pytest
from tests.e2e.parked import FUTURE_FAULT, PARKED, the_story, told
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer, until_serving
from tests.e2e.shop import an_order
from tests.schema.newest import NEWEST

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


async def test_parked_orders_are_listed_from_the_longest_parked_on_page_by_page(client: OrderTrail) -> None:
    found = [order async for order in client.parked_orders(page_size=1)]
    assert [(order.order_id, order.position.offset) for order in found] == list(PARKED.items())
    assert [(order.version, order.waiting_count) for order in found] == [(1, 2), (0, 1), (1, 0)]
    assert [order.reason for order in found] == [FUTURE_FAULT, FUTURE_FAULT, "its chain is broken at offset 6"]
    assert [order.record_time.seconds - 1_750_000_000 for order in found] == [2, 4, 7]
    assert found == [order async for order in client.parked_orders()]


async def test_a_parked_order_is_shown_with_what_waits(client: OrderTrail) -> None:
    shown = await client.parked_order("newer")
    story = the_story().records[0]
    assert shown.order == await anext(client.parked_orders())
    assert [(e.position.offset, e.order_version, e.reason) for e in shown.waiting] == [
        (1, 2, FUTURE_FAULT),
        (4, 3, FUTURE_FAULT),
    ]
    assert shown.waiting[0].digest == Record.FromString(story[4].value).previous


@pytest.mark.parametrize("name", ["GetParkedOrder", "RetryParkedOrder"])
async def test_an_order_that_is_not_parked_or_not_there_is_told_so(client: OrderTrail, name: str) -> None:
    refused = await told(client, name, RPCS[name].request(order_id="fine"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ORDER_NOT_PARKED")
    assert (refused.preconditions, refused.resources) == (["ORDER_NOT_PARKED"], ["fine"])
    assert (await told(client, name, RPCS[name].request(order_id="no-such-order"))).reason == "ORDER_NOT_FOUND"


async def test_the_records_of_each_version_are_counted(client: OrderTrail) -> None:
    before = await client.event_schemas()
    receipt = await client.send(an_order())
    await client.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
    after = await client.event_schemas()
    newest = NEWEST["OrderPlaced"]
    placed, version = message_of(newest).full_name, version_of(message_of(newest))
    assert count_of(after.schemas, placed) == count_of(before.schemas, placed) + 1
    assert count_of(after.schemas, message_of(NEWEST["OrderConfirmed"]).full_name) == 3  # the broken one is one of them
    assert after.unknown_record_count == 2  # of a newer release; a barrier is known
    [shown] = [schema for schema in after.schemas if schema.message == placed]
    assert (shown.version, shown.number) == (version, newest.number)
    assert (shown.reads_as, shown.written) == ("ordertrail.v1.OrderPlaced", True)
    assert [schema.number for schema in after.schemas] == sorted(schema.number for schema in after.schemas)


def count_of(schemas: Any, message: str) -> int:
    [found] = [schema for schema in schemas if schema.message == message]
    assert isinstance(found, EventSchema)
    return found.record_count


@pytest.mark.parametrize(
    ("offset", "verdict", "detail"),
    [
        (0, RECORD_VERDICT_FACT, ""),
        (1, RECORD_VERDICT_FACT, ""),
        (6, RECORD_VERDICT_BROKEN, "it says it is version 2, its order stood at version 1"),
        (8, RECORD_VERDICT_VOID, "it says it is version 1, its order stood at version 2"),
        (9, RECORD_VERDICT_BARRIER, "a server appended it to learn where the partition ends"),
    ],
)
async def test_a_record_is_explained(client: OrderTrail, offset: int, verdict: int, detail: str) -> None:
    explained = await client.explain(0, offset)
    entry = the_story().records[0][offset]
    assert (explained.key, explained.value) == (entry.key, entry.value)
    assert (explained.position.partition, explained.position.offset) == (0, offset)
    assert (explained.verdict, explained.verdict_detail) == (verdict, detail)


async def test_an_explained_fact_is_the_event_that_clients_get(client: OrderTrail) -> None:
    [first, *_] = [event async for event in client.list_events(order_id="fine")]
    explained = await client.explain(0, 2)
    assert (explained.event, explained.digest, explained.fault) == (first, first.digest, "")
    newest = NEWEST["OrderPlaced"]
    assert (explained.written_number, explained.written_as) == (newest.number, message_of(newest).full_name)


async def test_an_event_of_a_newer_release_is_explained_as_far_as_it_can_be_read(client: OrderTrail) -> None:
    explained = await client.explain(0, 1)
    assert (explained.fault, explained.written_number, explained.written_as) == (FUTURE_FAULT, 99, "")
    assert (explained.event.order_id, explained.event.order_version) == ("newer", 2)
    assert explained.event.WhichOneof("event") is None
    barrier = await client.explain(0, 9)
    assert barrier.fault
    assert not barrier.HasField("event")
    assert not barrier.HasField("written_number")


async def test_a_record_just_written_is_explained_and_one_that_is_not_there_is_not_found(client: OrderTrail) -> None:
    receipt = await client.send(an_order())
    explained = await client.explain(0, receipt.position.offset)
    assert (explained.verdict, explained.digest) == (RECORD_VERDICT_FACT, receipt.digest)
    for partition, offset in ((0, 1 << 40), (1, 0)):
        request = RPCS["ExplainEvent"].request(partition=partition, offset=offset)
        refused = await told(client, "ExplainEvent", request)
        assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "RECORD_NOT_FOUND")


async def test_the_service_is_served_and_told_of(troubled: RunningServer, client: OrderTrail) -> None:
    await until_serving(troubled.address, "ordertrail.v1.ProjectionService")
