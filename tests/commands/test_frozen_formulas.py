"""Formulas that no release may change, because they identify retries and the orders of retries.

The expected values are literals, because a test that computes them like the code would pass after any change. If one of
these tests fails, revert the change: logs and clients of earlier releases rely on the old value.
"""

import asyncio
from typing import Any, Final

import pytest
from google.protobuf.descriptor import Descriptor
from tests.commands.sample_requests import VERBS, prepare_attempt

from ordertrail.v1 import commands_pb2 as commands
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderedLine, ShippedLine
from ordertrail.v1.order_import_service_pb2 import SourceDocument
from ordertrail.v1.position_pb2 import TokenContents
from ordertrail_server.access.rights import FULL_RIGHTS
from ordertrail_server.cli.document_file import origin_prefix
from ordertrail_server.cli.topic_report import format_origin
from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.prepare import Caller, derive_id
from ordertrail_server.edge.import_service import _prepare
from ordertrail_server.log.placement import partition_of

UUID7: Final = "0190a5b2-7c3d-7e4f-8a1b-2c3d4e5f6a7b"
ENVELOPE: Final[dict[str, Any]] = {"request_id": "request-1", "expected_version": 3, "validate_only": True}
LINE: Final = OrderedLine(
    product_id="crème", quantity=300, unit_price=Money(currency_code="EUR", units=12, nanos=500_000_000)
)
DAY: Final = Date(year=2030, month=1, day=31)
FROM_THE_NEXT_RELEASE: Final = b"\xf2\x07\x04gift"  # field 126

DIGESTS: Final[list[tuple[Any, str]]] = [
    (
        commands.PlaceOrderRequest(
            order_id="order-1", customer_id="shop-1", lines=[LINE], expected_delivery_date=DAY, **ENVELOPE
        ),
        "41d42ab3a36f11c2e683d15f739fc5a9",
    ),
    (commands.PlaceOrderRequest(customer_id="shop-1", lines=[LINE, LINE]), "e497f01876525c6c40c3e7b36d26727c"),
    (commands.AddOrderLineRequest(order_id="order-1", line=LINE, **ENVELOPE), "f99be5a5615d0717a4e786430b919b48"),
    (
        commands.ChangeOrderLineQuantityRequest(order_id="order-1", product_id="pen", quantity=300, **ENVELOPE),
        "369cccaef3121bb75c1a344008d7e0bc",
    ),
    (
        commands.RemoveOrderLineRequest(order_id="order-1", product_id="pen", **ENVELOPE),
        "a6983f0689e30fc20fe2d4471e19fd0e",
    ),
    (
        commands.RescheduleDeliveryRequest(order_id="order-1", expected_delivery_date=DAY, **ENVELOPE),
        "ac18059672e9d3dd77ffae25bffe0618",
    ),
    (commands.ConfirmOrderRequest(order_id="order-1", **ENVELOPE), "b8d0fe5de30603ef641c9d0265d19aa1"),
    (
        commands.ShipOrderRequest(
            order_id="order-1", lines=[ShippedLine(product_id="pen", quantity=2), ShippedLine()], **ENVELOPE
        ),
        "c50616c28062d3df8aa30b148edf2f4a",
    ),
    (commands.ShipOrderRequest(order_id="order-1"), "705c8df42739bd852a45bc7ac5e85af4"),
    (commands.DeliverOrderRequest(order_id="order-1", **ENVELOPE), "22170a8d8bbf3e96c058ff4dc1aecb98"),
    (commands.CancelOrderRequest(order_id="order-1", reason="lost", **ENVELOPE), "b9356b24447fafd7fc9ec48b7711c10b"),
    (commands.CancelOrderRequest(order_id="order-1", reason=""), "b46d3a7f0bd4ceafee8e80c480d371dc"),
    (
        commands.ReturnOrderRequest(order_id="order-1", reason="too late", **ENVELOPE),
        "289c1fb1e667f37174222febbd85444e",
    ),
]


def prepare_request(request: Any) -> Attempt:
    async def prepare() -> Attempt:
        return prepare_attempt(request)

    return asyncio.run(prepare())


def prepare_document(origin: str, json: str) -> Attempt:
    async def prepare() -> Attempt:
        return _prepare(SourceDocument(origin=origin, json=json.encode()), Caller(FULL_RIGHTS))

    return asyncio.run(prepare())


@pytest.mark.parametrize(("request_sent", "digest"), DIGESTS)
def test_command_digest_never_changes(request_sent: Any, digest: str) -> None:
    assert prepare_request(request_sent).digest.hex() == digest


def test_every_verb_has_a_golden_digest() -> None:
    assert {type(request) for request, _ in DIGESTS} == set(VERBS)


def maps_in(message: Descriptor) -> list[str]:
    """Return the full names of the maps in a message at any depth."""
    inner = [field.message_type for field in message.fields if field.message_type is not None]
    maps = [nested.full_name for nested in inner if nested.GetOptions().map_entry]
    return maps + [name for nested in inner for name in maps_in(nested)]


@pytest.mark.parametrize("verb", VERBS)
def test_command_has_no_map_because_its_bytes_have_no_fixed_order(verb: Any) -> None:
    assert maps_in(verb.DESCRIPTOR) == []
    assert maps_in(TokenContents.DESCRIPTOR) != []


def test_command_digest_with_unknown_field_never_changes() -> None:
    request = commands.ConfirmOrderRequest.FromString(
        commands.ConfirmOrderRequest(order_id="order-1").SerializeToString() + FROM_THE_NEXT_RELEASE
    )
    assert prepare_request(request).digest.hex() == "407fce1b550ec6cda48846e978314e77"


@pytest.mark.parametrize(
    ("customer", "request_id", "order_id"),
    [
        ("shop-1", "request-1", "6d53effe-974e-846e-8ce2-ef4b093b79ce"),
        ("crème", "", "8b85ac5e-266f-8e35-8019-45958d636e30"),
        ("", "request-1", "a00e6b94-8540-845a-89f3-5f15cff8223d"),
        ("shop-1", UUID7, "0190a5b2-7c3d-81f8-8af8-fe28694fed3e"),
    ],
)
def test_derived_order_id_never_changes(customer: str, request_id: str, order_id: str) -> None:
    assert derive_id(customer, request_id) == order_id


@pytest.mark.parametrize(
    ("json", "order_id", "request_id", "digest"),
    [
        (
            '{"id": 7, "company": "shop", "productId": "pen", "quantity": 2, "unitPrice": 1.5, "timestamp": 3, "b": 1}',
            "68fa14bb-fee0-8125-8fbb-5100db586a67",
            "import:file:1",
            "f406946b8af383774d190a5d9e04086c",
        ),
        (
            '{"type": "OrderCreated", "order": {"orderID": "order-1", "items": [{"productID": "pen", "quantity": 2}]}}',
            "order-1",
            "import",
            "99cc789af296acdb7248e6959f8885fe",
        ),
    ],
)
def test_document_imported_again_is_the_same_command(json: str, order_id: str, request_id: str, digest: str) -> None:
    attempt = prepare_document("file:1", json)
    assert (attempt.order_id, attempt.request_id, attempt.digest.hex()) == (order_id, request_id, digest)


def test_origin_of_a_document_never_changes(tmp_path: Any) -> None:
    (tmp_path / "orders.jsonl").write_bytes(b"{}\n")
    with (tmp_path / "orders.jsonl").open("rb") as file:
        assert origin_prefix(file) == "file:ca3d163bab055381827226140568f3be:"
    assert format_origin("orders", 1, 22) == "topic:orders:1:22"


@pytest.mark.parametrize(("order_id", "partition"), [("order-1", 396), ("crème", 792), ("", 652), (UUID7, 144)])
def test_partition_of_an_order_never_changes(order_id: str, partition: int) -> None:
    assert partition_of(order_id, 1_000) == partition
