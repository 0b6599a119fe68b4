"""Every field of version 1 is traced to the public event."""

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from tests.schema.records import build_record

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.v1 import order_events_pb2 as public
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.writing import encode_statement

FLAT = v1.OrderPlaced(
    id=71,
    company="the shop",
    product_id="the product",
    quantity=72,
    unit_price=73.25,
    timestamp=1_553_000_000_074,
    other_json='{"rest":"all else"}',
)
NESTED = v1.OrderCreated(
    order_id="order-1",
    creation_date="2019-03-01T10:15:30.081Z",
    expected_delivery_date="3/15/2082",
    items=[
        v1.OrderItem(product_id="product 1", quantity=83, other_json='{"rest":"all else 1"}'),
        v1.OrderItem(product_id="product 2", quantity=84, other_json='{"rest":"all else 2"}'),
    ],
    timestamp="2019-03-01T10:15:30.085Z",
    status="Lost at sea",
    customer_id="the shop",
    other_json='{"rest":"all else"}',
)
# Where a member is found today, and as what.
FOUND: dict[str, list[tuple[str, Any]]] = {
    "OrderPlaced.id": [("source.reference", "71")],
    "OrderPlaced.company": [("customer_id", "the shop")],
    "OrderPlaced.product_id": [("lines.0.product_id", "the product")],
    "OrderPlaced.quantity": [("lines.0.quantity", "72")],
    "OrderPlaced.unit_price": [
        ("lines.0.unit_price", {"currency_code": "XXX", "units": "73", "nanos": 250_000_000}),
    ],
    "OrderPlaced.timestamp": [("source.publish_time", "2019-03-19T12:53:20.074Z")],
    "OrderPlaced.other_json": [("source.other_json", '{"rest":"all else"}')],
    "OrderCreated.creation_date": [("source.create_time", "2019-03-01T10:15:30.081Z")],
    "OrderCreated.expected_delivery_date": [("expected_delivery_date", {"year": 2082, "month": 3, "day": 15})],
    "OrderCreated.items": [("lines.1.product_id", "product 2")],
    "OrderCreated.timestamp": [("source.publish_time", "2019-03-01T10:15:30.085Z")],
    "OrderCreated.status": [("source.status_text", "Lost at sea")],
    "OrderCreated.customer_id": [("customer_id", "the shop")],
    "OrderCreated.other_json": [
        ("source.other_json", '{"rest":"all else","items":[{"rest":"all else 1"},{"rest":"all else 2"}]}')
    ],
    "OrderItem.product_id": [("lines.0.product_id", "product 1"), ("lines.1.product_id", "product 2")],
    "OrderItem.quantity": [("lines.0.quantity", "83"), ("lines.1.quantity", "84")],
    "OrderItem.other_json": [
        ("source.other_json", '{"rest":"all else","items":[{"rest":"all else 1"},{"rest":"all else 2"}]}')
    ],
}
# The order's id is the record's key, and so in the envelope of its public event.
IN_THE_ENVELOPE = {"OrderCreated.order_id"}


def read_public_event(statement: v1.OrderPlaced | v1.OrderCreated) -> public.OrderPlaced:
    reading = read(build_record(encode_statement(statement)))
    assert reading is not None
    assert reading.fault == ""
    return reading.event.order_placed


def get_at_path(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[int(step)] if step.isdigit() else value[step]
    return value


MEMBERS = {
    f"{kind.DESCRIPTOR.name}.{field.name}"
    for kind in (v1.OrderPlaced, v1.OrderCreated, v1.OrderItem)
    for field in kind.DESCRIPTOR.fields
}
# A document without a product or a quantity is refused.
NEEDED = {"OrderPlaced.product_id", "OrderPlaced.quantity", "OrderCreated.items"}


def test_every_field_of_version_1_is_traced() -> None:
    assert set(FOUND) | IN_THE_ENVELOPE == MEMBERS


@pytest.mark.parametrize("member", FOUND)
def test_traced_value_of_version_1_is_in_the_public_event(member: str) -> None:
    event = MessageToDict(
        read_public_event(FLAT if member.startswith("OrderPlaced") else NESTED), preserving_proto_field_name=True
    )
    for path, value in FOUND[member]:
        assert get_at_path(event, path) == value


@pytest.mark.parametrize("statement", [FLAT, NESTED], ids=["flat", "nested"])
def test_each_field_of_version_1_changes_the_public_event(statement: v1.OrderPlaced | v1.OrderCreated) -> None:
    whole = read_public_event(statement)
    for field in statement.DESCRIPTOR.fields:
        if f"{statement.DESCRIPTOR.name}.{field.name}" not in IN_THE_ENVELOPE | NEEDED:
            less: Any = type(statement).FromString(statement.SerializeToString())
            less.ClearField(field.name)
            assert read_public_event(less) != whole, field.name
