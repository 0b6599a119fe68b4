"""What callers rely on: their own writes are read, requests are done once, and batches keep their order."""

import asyncio
import json
from typing import Any

from tests.e2e.logs import LogOfServer
from tests.e2e.refusals import read_status
from tests.e2e.rpcs import RPCS, VERBS, a_request
from tests.e2e.shop import an_order, imported, new_id

from ordertrail.client import OrderTrail
from ordertrail.commands import Request
from ordertrail.errors import Refused, VersionMismatch
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.commands_pb2 import (
    ChangeOrderLineQuantityRequest,
    Command,
    ConfirmOrderRequest,
    DeliverOrderRequest,
    ExecuteCommandsRequest,
    ShipOrderRequest,
)
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.commands.prepare import derive_order_id

FLAT = {"id": 17, "company": "retailer-1", "productId": "p_23", "quantity": 3000, "unitPrice": 5}
FLAT_ORDER = json.dumps(FLAT | {"timestamp": 1553000000000}).encode()


def nested(order_id: str, quantity: int = 10) -> bytes:
    """Return an order as the second producer said it."""
    order = {
        "orderID": order_id,
        "creationDate": "2019-03-01T10:15:30.123Z",
        "expectedDeliveryDate": "03/15/2019",
        "items": [{"productID": "product 01", "quantity": quantity}],
    }
    said = {"orderID": order_id, "order": order, "timestamp": "2019-03-01T10:15:31.000Z", "type": "OrderCreated"}
    return json.dumps(said).encode()


async def test_a_caller_reads_its_own_writes_under_load(orders: OrderTrail) -> None:
    async def write_and_read(caller: int) -> None:
        receipt = await orders.send(an_order(customer=f"reader-{caller}"))
        for quantity in range(20, 30):
            receipt = await orders.change_line_quantity(receipt.order_id, "p_1", quantity)
            fresh = [receipt.consistency_token]
            order = await orders.get(receipt.order_id, at_least_as_fresh=fresh)
            assert (order.version, order.lines[0].quantity) == (receipt.order_version, quantity)
            listed = orders.list_orders(customer_id=f"reader-{caller}", at_least_as_fresh=fresh)
            assert [each.version async for each in listed] == [receipt.order_version]

    await asyncio.gather(*(write_and_read(caller) for caller in range(16)))


async def test_validate_only_answers_what_would_be_and_records_nothing(log: LogOfServer, orders: OrderTrail) -> None:
    receipt = await orders.send(an_order())
    before = len((await log.truth()).facts)
    previewed = set()
    for verb in VERBS[1:]:
        request = a_request(verb, receipt.order_id)
        request.validate_only = True
        answer = await outcome(orders, request)
        if answer is not None:
            previewed.add(answer.event.WhichOneof("event"))
            assert answer.order_version == 2
            assert_is_no_fact(answer)
    lines = {"order_line_added", "order_line_quantity_changed", "order_line_removed"}
    assert previewed == lines | {"order_delivery_rescheduled", "order_confirmed", "order_cancelled"}
    new = an_order()
    new.validate_only = True
    preview = await orders.send(new)
    assert preview.event.order_placed.customer_id == "shop-1"
    assert_is_no_fact(preview)
    batch = ExecuteCommandsRequest(commands=[Command(place_order=new), Command(place_order=new)])
    [answers] = await RPCS["ExecuteCommands"].call(orders.channel, batch.SerializeToString())
    assert [result.receipt.order_version for result in answers.results] == [1, 1]
    for result in answers.results:
        assert_is_no_fact(result.receipt)
    assert len((await log.truth()).facts) == before
    assert (await orders.send(an_order(preview.order_id, new.request_id))).order_version == 1


def assert_is_no_fact(preview: Receipt) -> None:
    """Assert that a receipt names nothing by which the log could be asked for what was never recorded."""
    told = {field.name for field, _ in preview.ListFields()}
    assert told == {"order_id", "order_version", "request_id", "event"}
    event = preview.event
    assert (event.event_id, event.digest, event.HasField("position")) == ("", b"", False)


async def test_one_request_id_from_many_callers_at_once_is_one_fact(log: LogOfServer, orders: OrderTrail) -> None:
    request = an_order()
    receipts = await asyncio.gather(*(orders.send(request) for _ in range(20)))
    assert (
        len(
            {
                (receipt.digest, receipt.position.partition, receipt.position.offset, receipt.order_id)
                for receipt in receipts
            }
        )
        == 1
    )
    assert [receipt.replayed for receipt in receipts].count(False) == 1
    assert [fact.request[1] for fact in (await log.truth()).facts].count(request.request_id) == 1


async def test_of_many_who_expect_one_version_exactly_one_wins(orders: OrderTrail) -> None:
    receipt = await orders.send(an_order())
    racing = [orders.change_line_quantity(receipt.order_id, "p_1", 100 + n, expected_version=1) for n in range(20)]
    answers = await asyncio.gather(*racing, return_exceptions=True)
    won = [answer for answer in answers if isinstance(answer, Receipt)]
    lost = [answer for answer in answers if isinstance(answer, VersionMismatch)]
    assert (len(won), len(lost)) == (1, 19)
    order = await orders.get(receipt.order_id, at_least_as_fresh=[won[0].consistency_token])
    assert (order.version, order.lines[0].quantity) == (2, won[0].event.order_line_quantity_changed.quantity)


async def test_a_retry_is_answered_with_the_first_receipt_whatever_happened_since(orders: OrderTrail) -> None:
    first = an_order(new_id("order"))
    receipt = await orders.send(first)
    await orders.cancel(receipt.order_id)
    first.expected_version = 99
    again = await orders.send(first)
    assert again.replayed
    again.replayed = False
    assert again == receipt


async def test_a_batch_is_answered_in_its_order_and_a_refusal_stops_nothing(orders: OrderTrail) -> None:
    order_id = new_id("order")
    requests: list[Request] = [
        an_order(order_id),
        ShipOrderRequest(order_id=order_id),  # not confirmed yet
        ConfirmOrderRequest(order_id=order_id),
        ConfirmOrderRequest(order_id="no-such-order"),
        ShipOrderRequest(order_id=order_id),
        ChangeOrderLineQuantityRequest(order_id=order_id, product_id="p_1", quantity=0),  # out of bounds
        DeliverOrderRequest(order_id=order_id),
    ]
    results = [result async for result in orders.execute(requests, batch_size=len(requests))]
    versions = [result.receipt.order_version for result in results if result.WhichOneof("result") == "receipt"]
    refused = [read_status(result.status).reason for result in results if result.WhichOneof("result") == "status"]
    assert [result.WhichOneof("result") for result in results] == [
        *("receipt", "status") * 2, "receipt", "status", "receipt"
    ]  # fmt: skip
    assert versions == [1, 2, 3, 4]
    assert refused == ["STATUS_FORBIDS", "ORDER_NOT_FOUND", "INVALID_REQUEST"]


async def test_an_empty_batch_and_an_empty_command_are_answered(orders: OrderTrail) -> None:
    [empty] = await RPCS["ExecuteCommands"].call(orders.channel, b"")
    assert list(empty.results) == []
    batch = ExecuteCommandsRequest(commands=[Command()])
    [answer] = await RPCS["ExecuteCommands"].call(orders.channel, batch.SerializeToString())
    assert read_status(answer.results[0].status).fields == ["verb"]


async def test_old_orders_become_facts_as_they_were_said_and_read_as_today(
    log: LogOfServer, orders: OrderTrail
) -> None:
    order_id = new_id("old")
    flat, created = await imported(orders, FLAT_ORDER, nested(order_id))
    stored = {fact.reading.event.order_id: fact for fact in (await log.truth()).facts}
    said = Record.FromString(stored[flat.receipt.order_id].value)
    assert said.order_placed_v1.company == "retailer-1"
    assert said.order_placed_v1.unit_price == 5.0
    assert said.cause.origin == flat.origin
    assert Record.FromString(stored[order_id].value).order_created_v1.expected_delivery_date == "03/15/2019"

    fresh = [each.receipt.consistency_token for each in (flat, created)]
    today = await orders.get(flat.receipt.order_id, at_least_as_fresh=fresh)
    assert (today.customer_id, today.total_quantity, today.source.reference) == ("retailer-1", 3000, "17")
    assert (today.total_amount.currency_code, today.total_amount.units) == ("XXX", 15_000)
    today = await orders.get(order_id, at_least_as_fresh=fresh)
    assert not today.HasField("customer_id")
    assert not today.HasField("total_amount")
    day = today.expected_delivery_date
    assert (day.year, day.month, day.day) == (2019, 3, 15)
    [event] = [event async for event in orders.list_events(order_id=order_id)]
    assert (event.written_version, event.WhichOneof("event")) == (1, "order_placed")


async def test_importing_again_adds_nothing(log: LogOfServer, orders: OrderTrail) -> None:
    origin, order_id = new_id("topic/0"), new_id("old")
    first = [*await imported(orders, FLAT_ORDER, origin=origin), *await imported(orders, nested(order_id))]
    before = len((await log.truth()).facts)
    again = [*await imported(orders, FLAT_ORDER, origin=origin), *await imported(orders, nested(order_id))]
    assert [result.receipt.replayed for result in [*first, *again]] == [False, False, True, True]
    assert [result.receipt.digest for result in first] == [result.receipt.digest for result in again]
    assert len((await log.truth()).facts) == before


async def test_order_without_an_id_is_imported_under_one_that_no_caller_can_be_given(orders: OrderTrail) -> None:
    origin = new_id("topic/0")
    [first] = await imported(orders, FLAT_ORDER, origin=origin)
    assert first.receipt.order_id == derive_order_id("", f"import:{origin}")  # and a customer's id is never empty
    placed = await orders.send(an_order(request_id=f"import:{origin}", customer="retailer-1"))
    assert placed.order_id != first.receipt.order_id


async def test_another_order_under_an_id_that_was_imported_is_refused(orders: OrderTrail) -> None:
    order_id = new_id("old")
    results = await imported(orders, nested(order_id), nested(order_id, quantity=11))
    refused = read_status(results[1].status)
    assert (refused.reason, refused.resources) == ("ORDER_EXISTS", [order_id])
    assert (await orders.get(order_id, at_least_as_fresh=[results[0].receipt.consistency_token])).total_quantity == 10


async def test_importing_an_order_that_a_command_placed_is_refused(orders: OrderTrail) -> None:
    order_id = new_id("placed")
    await orders.send(an_order(order_id))
    [refused] = await imported(orders, nested(order_id))
    assert read_status(refused.status).reason == "ORDER_EXISTS"


async def test_documents_that_are_no_orders_are_refused_and_the_rest_goes_in(orders: OrderTrail) -> None:
    bad = [
        b"",
        b"{",
        b"[]",
        b"null",
        b"17",
        b"\xff\xfe",
        b'"text"',
        b'{"type": "OrderExploded"}',
        b'{"productId": "p_1"}',
        b'{"productId": "p_1", "quantity": -1}',
        b'{"productId": "p_1", "quantity": 1.5}',
        b'{"productId": "p_1", "quantity": 1e400}',
        b'{"productId": "p_1", "quantity": NaN}',
        b'{"productId": "p_1", "quantity": 1, "unitPrice": "5"}',
        b'{"productId": "\\ud800", "quantity": 1}',
        b'{"productId": "p_1", "quantity": 99999999999999999999}',
        b'{"productId": "p_1", "quantity": 1, "timestamp": 99999999999999999}',
        b'{"productId": "p_1", "productId": "p_2", "quantity": 1}',
        b"[" * 30_000,
        b'{"a":' * 10_000,
        nested("x" * 129),
        nested("x", quantity=-1),
        nested("\ud800"),
        nested("a\nb"),
        nested("\x00"),
        nested("old-1").replace(b"03/15/2019", b"15/03/2019"),
        nested("old-1").replace(b'"old-1"', b'"old-2"', 1),
    ]
    good = nested(new_id("old"))
    results = await imported(orders, *(document for each in bad for document in (each, good)))
    for document, result in zip(bad, results[::2], strict=True):
        assert result.WhichOneof("result") == "status", document
        assert read_status(result.status).reason == "UNREADABLE_DOCUMENT", document
    assert [result.receipt.order_version for result in results[1::2]] == [1] * len(bad)


async def outcome(orders: OrderTrail, request: Any) -> Receipt | None:
    """Return the receipt of a command, None if it was refused."""
    try:
        return await orders.send(request)
    except Refused:
        return None
