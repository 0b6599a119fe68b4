"""The guarantees for callers: they read their own writes, requests have one effect, batches keep their order."""

import asyncio
import json
from typing import Any

from tests.e2e.logs import LogOfServer
from tests.e2e.refusals import read_status
from tests.e2e.rpcs import RPCS, VERBS, build_request
from tests.e2e.sample_orders import build_order, import_documents, new_id

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
from ordertrail_server.commands.prepare import derive_id

FLAT_FIELDS = {"id": 17, "company": "retailer-1", "productId": "p_23", "quantity": 3000, "unitPrice": 5}
FLAT_ORDER = json.dumps(FLAT_FIELDS | {"timestamp": 1553000000000}).encode()


def build_nested_document(order_id: str, quantity: int = 10) -> bytes:
    """Return an order in the form of the second producer."""
    order = {
        "orderID": order_id,
        "creationDate": "2019-03-01T10:15:30.123Z",
        "expectedDeliveryDate": "03/15/2019",
        "items": [{"productID": "product 01", "quantity": quantity}],
    }
    message = {"orderID": order_id, "order": order, "timestamp": "2019-03-01T10:15:31.000Z", "type": "OrderCreated"}
    return json.dumps(message).encode()


async def test_callers_read_their_own_writes_under_load(orders: OrderTrail) -> None:
    async def write_and_read(caller: int) -> None:
        receipt = await orders.send(build_order(customer=f"reader-{caller}"))
        for quantity in range(20, 30):
            receipt = await orders.change_line_quantity(receipt.order_id, "p_1", quantity)
            fresh = [receipt.consistency_token]
            order = await orders.get(receipt.order_id, at_least_as_fresh=fresh)
            assert (order.version, order.lines[0].quantity) == (receipt.order_version, quantity)
            listed_orders = orders.list_orders(customer_id=f"reader-{caller}", at_least_as_fresh=fresh)
            assert [order.version async for order in listed_orders] == [receipt.order_version]

    await asyncio.gather(*(write_and_read(caller) for caller in range(16)))


async def test_validate_only_returns_the_event_and_records_nothing(log: LogOfServer, orders: OrderTrail) -> None:
    receipt = await orders.send(build_order())
    fact_count = len((await log.fold()).facts)
    event_names = set()
    for verb in VERBS[1:]:
        request = build_request(verb, receipt.order_id)
        request.validate_only = True
        answer = await receipt_or_none(orders, request)
        if answer is not None:
            event_names.add(answer.event.WhichOneof("event"))
            assert answer.order_version == 2
            assert_is_no_fact(answer)
    lines = {"order_line_added", "order_line_quantity_changed", "order_line_removed"}
    assert event_names == lines | {"order_delivery_rescheduled", "order_confirmed", "order_cancelled"}
    request = build_order()
    request.validate_only = True
    preview = await orders.send(request)
    assert preview.event.order_placed.customer_id == "shop-1"
    assert_is_no_fact(preview)
    batch = ExecuteCommandsRequest(commands=[Command(place_order=request), Command(place_order=request)])
    [batch_answer] = await RPCS["ExecuteCommands"].call(orders.channel, batch.SerializeToString())
    assert [result.receipt.order_version for result in batch_answer.results] == [1, 1]
    for result in batch_answer.results:
        assert_is_no_fact(result.receipt)
    assert len((await log.fold()).facts) == fact_count
    assert (await orders.send(build_order(preview.order_id, request.request_id))).order_version == 1


def assert_is_no_fact(preview: Receipt) -> None:
    """Assert that a receipt has no field that refers to a record of the log."""
    field_names = {field.name for field, _ in preview.ListFields()}
    assert field_names == {"order_id", "order_version", "request_id", "event"}
    event = preview.event
    assert (event.event_id, event.digest, event.HasField("position")) == ("", b"", False)


async def test_concurrent_commands_with_one_request_id_lead_to_one_fact(log: LogOfServer, orders: OrderTrail) -> None:
    request = build_order()
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
    assert [fact.request[1] for fact in (await log.fold()).facts].count(request.request_id) == 1


async def test_one_of_many_commands_with_the_same_expected_version_succeeds(orders: OrderTrail) -> None:
    receipt = await orders.send(build_order())
    calls = [orders.change_line_quantity(receipt.order_id, "p_1", 100 + n, expected_version=1) for n in range(20)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    receipts = [answer for answer in answers if isinstance(answer, Receipt)]
    mismatches = [answer for answer in answers if isinstance(answer, VersionMismatch)]
    assert (len(receipts), len(mismatches)) == (1, 19)
    order = await orders.get(receipt.order_id, at_least_as_fresh=[receipts[0].consistency_token])
    assert (order.version, order.lines[0].quantity) == (2, receipts[0].event.order_line_quantity_changed.quantity)


async def test_retry_returns_first_receipt_after_later_commands(orders: OrderTrail) -> None:
    first = build_order(new_id("order"))
    receipt = await orders.send(first)
    await orders.cancel(receipt.order_id)
    first.expected_version = 99
    again = await orders.send(first)
    assert again.replayed
    again.replayed = False
    assert again == receipt


async def test_batch_results_are_in_order_and_refusals_do_not_stop_it(orders: OrderTrail) -> None:
    order_id = new_id("order")
    requests: list[Request] = [
        build_order(order_id),
        ShipOrderRequest(order_id=order_id),  # not confirmed yet
        ConfirmOrderRequest(order_id=order_id),
        ConfirmOrderRequest(order_id="no-such-order"),
        ShipOrderRequest(order_id=order_id),
        ChangeOrderLineQuantityRequest(order_id=order_id, product_id="p_1", quantity=0),  # out of bounds
        DeliverOrderRequest(order_id=order_id),
    ]
    results = [result async for result in orders.execute(requests, batch_size=len(requests))]
    versions = [result.receipt.order_version for result in results if result.WhichOneof("result") == "receipt"]
    reasons = [read_status(result.status).reason for result in results if result.WhichOneof("result") == "status"]
    assert [result.WhichOneof("result") for result in results] == [
        *("receipt", "status") * 2, "receipt", "status", "receipt"
    ]  # fmt: skip
    assert versions == [1, 2, 3, 4]
    assert reasons == ["STATUS_FORBIDS", "ORDER_NOT_FOUND", "INVALID_REQUEST"]


async def test_empty_batch_and_empty_command_are_answered(orders: OrderTrail) -> None:
    [empty] = await RPCS["ExecuteCommands"].call(orders.channel, b"")
    assert list(empty.results) == []
    batch = ExecuteCommandsRequest(commands=[Command()])
    [answer] = await RPCS["ExecuteCommands"].call(orders.channel, batch.SerializeToString())
    assert read_status(answer.results[0].status).fields == ["verb"]


async def test_imported_orders_are_stored_unchanged_and_read_in_the_current_form(
    log: LogOfServer, orders: OrderTrail
) -> None:
    order_id = new_id("old")
    flat, created = await import_documents(orders, FLAT_ORDER, build_nested_document(order_id))
    stored = {fact.reading.event.order_id: fact for fact in (await log.fold()).facts}
    record = Record.FromString(stored[flat.receipt.order_id].value)
    assert record.order_placed_v1.company == "retailer-1"
    assert record.order_placed_v1.unit_price == 5.0
    assert record.cause.origin == flat.origin
    assert Record.FromString(stored[order_id].value).order_created_v1.expected_delivery_date == "03/15/2019"

    fresh = [result.receipt.consistency_token for result in (flat, created)]
    order = await orders.get(flat.receipt.order_id, at_least_as_fresh=fresh)
    assert (order.customer_id, order.total_quantity, order.source.reference) == ("retailer-1", 3000, "17")
    assert (order.total_amount.currency_code, order.total_amount.units) == ("XXX", 15_000)
    order = await orders.get(order_id, at_least_as_fresh=fresh)
    assert not order.HasField("customer_id")
    assert not order.HasField("total_amount")
    day = order.expected_delivery_date
    assert (day.year, day.month, day.day) == (2019, 3, 15)
    [event] = [event async for event in orders.list_events(order_id=order_id)]
    assert (event.written_version, event.WhichOneof("event")) == (1, "order_placed")


async def test_importing_a_document_again_adds_nothing(log: LogOfServer, orders: OrderTrail) -> None:
    origin, order_id = new_id("topic/0"), new_id("old")
    first = [
        *await import_documents(orders, FLAT_ORDER, origin=origin),
        *await import_documents(orders, build_nested_document(order_id)),
    ]
    fact_count = len((await log.fold()).facts)
    again = [
        *await import_documents(orders, FLAT_ORDER, origin=origin),
        *await import_documents(orders, build_nested_document(order_id)),
    ]
    assert [result.receipt.replayed for result in [*first, *again]] == [False, False, True, True]
    assert [result.receipt.digest for result in first] == [result.receipt.digest for result in again]
    assert len((await log.fold()).facts) == fact_count


async def test_imported_order_without_id_gets_an_id_of_no_placed_order(orders: OrderTrail) -> None:
    origin = new_id("topic/0")
    [first] = await import_documents(orders, FLAT_ORDER, origin=origin)
    assert first.receipt.order_id == derive_id("", f"import:{origin}")  # and a customer's id is never empty
    receipt = await orders.send(build_order(request_id=f"import:{origin}", customer="retailer-1"))
    assert receipt.order_id != first.receipt.order_id


async def test_other_document_with_imported_order_id_is_refused(orders: OrderTrail) -> None:
    order_id = new_id("old")
    results = await import_documents(
        orders, build_nested_document(order_id), build_nested_document(order_id, quantity=11)
    )
    conflict = read_status(results[1].status)
    assert (conflict.reason, conflict.resources) == ("ORDER_EXISTS", [order_id])
    assert (await orders.get(order_id, at_least_as_fresh=[results[0].receipt.consistency_token])).total_quantity == 10


async def test_document_with_id_of_placed_order_is_refused(orders: OrderTrail) -> None:
    order_id = new_id("placed")
    await orders.send(build_order(order_id))
    [result] = await import_documents(orders, build_nested_document(order_id))
    assert read_status(result.status).reason == "ORDER_EXISTS"


async def test_invalid_documents_are_refused_and_others_are_imported(orders: OrderTrail) -> None:
    invalid_documents = [
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
        build_nested_document("x" * 129),
        build_nested_document("x", quantity=-1),
        build_nested_document("\ud800"),
        build_nested_document("a\nb"),
        build_nested_document("\x00"),
        build_nested_document("old-1").replace(b"03/15/2019", b"15/03/2019"),
        build_nested_document("old-1").replace(b'"old-1"', b'"old-2"', 1),
    ]
    valid_document = build_nested_document(new_id("old"))
    results = await import_documents(
        orders, *(document for invalid in invalid_documents for document in (invalid, valid_document))
    )
    for document, result in zip(invalid_documents, results[::2], strict=True):
        assert result.WhichOneof("result") == "status", document
        assert read_status(result.status).reason == "UNREADABLE_DOCUMENT", document
    assert [result.receipt.order_version for result in results[1::2]] == [1] * len(invalid_documents)


async def receipt_or_none(orders: OrderTrail, request: Any) -> Receipt | None:
    """Return the receipt of a command, None if it was refused."""
    try:
        return await orders.send(request)
    except Refused:
        return None
