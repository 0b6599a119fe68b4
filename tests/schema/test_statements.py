"""Documents of older producers are stored as they are, or refused."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given, settings, strategies as st
from tests.schema.records import build_record
from tests.schema.strategies import DOCUMENTS

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.v1 import order_events_pb2 as public
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.statements import MAX_BYTES, UnreadableDocument, read_document, read_statement
from ordertrail_server.schema.writing import encode_statement

FLAT: dict[str, Any] = {
    "id": 17,
    "company": "retailer-1",
    "productId": "p_23",
    "quantity": 3000,
    "unitPrice": 5,
    "timestamp": 1553000000000,
}
ORDER: dict[str, Any] = {
    "orderID": "order001",
    "creationDate": "2019-03-01T10:15:30.123Z",
    "expectedDeliveryDate": "03/15/2019",
    "items": [{"productID": "product 01", "quantity": 10}],
}
NESTED: dict[str, Any] = {
    "orderID": "order001",
    "order": ORDER,
    "timestamp": "2019-03-01T10:15:31.000Z",
    "type": "OrderCreated",
}


def document(members: object) -> bytes:
    return json.dumps(members).encode()


def build_flat_document(**more_members: object) -> bytes:
    return document({**FLAT, **more_members})


def build_nested_document(order: object = None, **more_members: object) -> bytes:
    return document(
        {**NESTED, "order": {**ORDER, **order} if isinstance(order, dict) else order or ORDER, **more_members}
    )


def remove_member(members: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in members.items() if key != name}


def test_order_of_the_first_producer_is_stored_unchanged() -> None:
    assert read_document(build_flat_document()) == v1.OrderPlaced(
        id=17, company="retailer-1", product_id="p_23", quantity=3000, unit_price=5, timestamp=1553000000000
    )


def test_order_of_the_second_producer_is_stored_unchanged() -> None:
    assert read_document(build_nested_document()) == v1.OrderCreated(
        order_id="order001",
        creation_date="2019-03-01T10:15:30.123Z",
        expected_delivery_date="03/15/2019",
        items=[v1.OrderItem(product_id="product 01", quantity=10)],
        timestamp="2019-03-01T10:15:31.000Z",
    )


def test_documents_of_both_producers_read_as_order_placed() -> None:
    assert read_statement(read_document(build_flat_document())) == ParseDict(
        {
            "customerId": "retailer-1",
            "lines": [{"productId": "p_23", "quantity": 3000, "unitPrice": {"currencyCode": "XXX", "units": 5}}],
            "source": {"reference": "17", "publishTime": "2019-03-19T12:53:20Z"},
        },
        public.OrderPlaced(),
    )
    assert read_statement(read_document(build_nested_document())) == ParseDict(
        {
            "lines": [{"productId": "product 01", "quantity": 10}],
            "expectedDeliveryDate": {"year": 2019, "month": 3, "day": 15},
            "source": {"createTime": "2019-03-01T10:15:30.123Z", "publishTime": "2019-03-01T10:15:31Z"},
        },
        public.OrderPlaced(),
    )


@pytest.mark.parametrize("name", ["id", "company", "unitPrice", "timestamp"])
def test_missing_member_of_a_flat_order_stays_absent(name: str) -> None:
    field = {"unitPrice": "unit_price"}.get(name, name)
    statement = read_document(document(remove_member(FLAT, name)))
    assert isinstance(statement, v1.OrderPlaced)
    assert field not in {field_set.name for field_set, _ in statement.ListFields()}


def test_zero_is_not_absent() -> None:
    statement = read_document(build_flat_document(id=0, quantity=0, unitPrice=0))
    assert isinstance(statement, v1.OrderPlaced)
    assert statement.HasField("id")
    assert statement.HasField("quantity")
    assert statement.HasField("unit_price")


def test_null_is_absent_and_stored_in_other_json() -> None:
    statement = read_document(build_flat_document(company=None, unitPrice=None))
    assert isinstance(statement, v1.OrderPlaced)
    assert not statement.HasField("company")
    assert not statement.HasField("unit_price")
    assert statement.other_json == '{"company":null,"unitPrice":null}'


@pytest.mark.parametrize(
    ("written", "quantity"), [("10.0", 10), ("1e1", 10), ("-0", 0), ("9223372036854775807", 2**63 - 1), ("10e-1", 1)]
)
def test_integer_can_be_written_in_any_json_notation(written: str, quantity: int) -> None:
    statement = read_document(b'{"productId": "p", "quantity": %s}' % written.encode())
    assert isinstance(statement, v1.OrderPlaced)
    assert statement.quantity == quantity


def test_unknown_members_are_stored_with_their_numbers_as_text() -> None:
    more = '"more": {"ä": [1.10, 1E+5, -0, 123456789012345678901234567890, true, null]}'
    statement = read_document(f'{{"productId": "p", "quantity": 1, {more}}}'.encode())
    assert statement.other_json == "{" + more.replace(" ", "") + "}"


def test_unknown_members_of_a_nested_document_are_stored_at_their_level() -> None:
    item = {"productID": "p", "quantity": 1, "color": "red"}
    statement = read_document(build_nested_document({"items": [item], "pickup": "here"}, version=3))
    assert isinstance(statement, v1.OrderCreated)
    assert statement.other_json == '{"version":3,"order":{"pickup":"here"}}'
    assert statement.items[0].other_json == '{"color":"red"}'


def test_status_and_customer_of_a_document_are_stored_unchanged() -> None:
    statement = read_document(build_nested_document({"status": "Pending", "customerID": "shop"}))
    assert isinstance(statement, v1.OrderCreated)
    assert (statement.status, statement.customer_id) == ("Pending", "shop")


@pytest.mark.parametrize("place", ["outside", "inside"])
def test_order_id_can_be_in_one_of_two_places(place: str) -> None:
    order = remove_member(ORDER, "orderID") if place == "outside" else ORDER
    members = {**(remove_member(NESTED, "orderID") if place == "inside" else NESTED), "order": order}
    statement = read_document(document(members))
    assert isinstance(statement, v1.OrderCreated)
    assert statement.order_id == "order001"


def test_byte_order_mark_is_ignored() -> None:
    assert read_document(b"\xef\xbb\xbf" + build_flat_document()) == read_document(build_flat_document())


UNREADABLE = [
    (b"", "The document is not JSON from character 0 on."),
    (b"{", "The document is not JSON from character 1 on."),
    (build_flat_document() + b"x", f"The document is not JSON from character {len(build_flat_document())} on."),
    (b"[]", "The document is not a JSON object."),
    (b'"text"', "The document is not a JSON object."),
    (b'{"a": "\xff"}', "The document is not UTF-8 from byte 7 on."),
    ('{"productId": "p"}'.encode("utf-16"), "The document is not UTF-8 from byte 0 on."),
    (b" " * (MAX_BYTES + 1), "The document has 65537 bytes; 65536 are allowed."),
    (b'{"id": 1, "id": 2}', 'The document has "id" more than once.'),
    (b'{"\\ud800": 1, "\\ud800": 2}', 'The document has "?" more than once.'),
    (b'{"x": {"a": 1, "a": 1}}', 'The document has "a" more than once.'),
    (b'{"unitPrice": NaN}', "The document holds NaN, which is not JSON."),
    (b'{"unitPrice": -Infinity}', "The document holds -Infinity, which is not JSON."),
    (b'{"company": "\\ud800"}', "The document holds half a surrogate pair, which is not valid text."),
    (b'{"\\udc00": 1}', "The document holds half a surrogate pair, which is not valid text."),
    (b'{"x":' + b"[" * 32 + b"]" * 32 + b"}", "The document is nested deeper than 32 levels."),
    (b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "The document is nested deeper than 32 levels."),
    (b"[" * 60_000, "The document is nested deeper than 32 levels."),
    (b"{}", "The document is of no known shape: it has neither a type nor a productId."),
    (document({"order": ORDER}), "The document is of no known shape: it has neither a type nor a productId."),
    (build_nested_document(type="OrderUpdated"), 'The type "OrderUpdated" is unknown.'),
    (build_flat_document(type="x" * 100), f'The type "{"x" * 60}…" is unknown.'),
    (build_flat_document(type=7), "type must be text."),
    (build_nested_document("no order"), "order must be an object."),
    (document(remove_member(NESTED, "order")), "order must be an object."),
    (document(remove_member(FLAT, "productId")), "productId is missing."),
    (document(remove_member(FLAT, "quantity")), "quantity is missing."),
    (build_flat_document(productId=""), "productId is missing."),
    (build_flat_document(productId=5), "productId must be text."),
    (build_flat_document(quantity="5"), "quantity must be a whole number."),
    (build_flat_document(quantity=True), "quantity must be a whole number."),
    (build_flat_document(quantity=1.5), "quantity must be a whole number."),
    (build_flat_document(quantity=2**63), "quantity is out of range."),
    (build_flat_document(id=-(2**63) - 1), "id is out of range."),
    (b'{"productId": "p", "quantity": 1e999999999}', "quantity is out of range."),
    (b'{"productId": "p", "quantity": 1e99999999999999999999}', "quantity is out of range."),
    (b'{"productId": "p", "quantity": 1e-99999999999999999999}', "quantity is out of range."),
    (b'{"productId": "p", "quantity": 1e-999999999}', "quantity must be a whole number."),
    (build_flat_document(unitPrice="5"), "unitPrice must be a number."),
    (build_flat_document(unitPrice=False), "unitPrice must be a number."),
    (build_flat_document(unitPrice=-5), "unitPrice -5.0 is not an amount from 0 to one trillion."),
    (
        b'{"productId": "p", "quantity": 1, "unitPrice": 1e400}',
        "unitPrice inf is not an amount from 0 to one trillion.",
    ),
    (build_flat_document(timestamp="2019-03-01T10:15:31.000Z"), "timestamp must be a whole number."),
    (build_flat_document(timestamp=2**62), "timestamp 4611686018427387904 lies outside of the years 1 to 9999."),
    (build_nested_document(orderID="other"), 'order.orderID "order001" differs from orderID "other".'),
    (build_nested_document({"orderID": ""}, orderID=""), "orderID is missing."),
    (document({**remove_member(NESTED, "orderID"), "order": remove_member(ORDER, "orderID")}), "orderID is missing."),
    (build_nested_document({"items": []}), "order.items is empty."),
    (build_nested_document({"items": {}}), "order.items must be an array."),
    (build_nested_document(remove_member(ORDER, "items") | {"items": None}), "order.items must be an array."),
    (build_nested_document({"items": [ORDER["items"][0], 5]}), "order.items[1] must be an object."),
    (build_nested_document({"items": [{"productID": "p"}]}), "order.items[0].quantity is missing."),
    (
        build_nested_document({"items": [{"productID": "p", "quantity": "1"}]}),
        "order.items[0].quantity must be a whole number.",
    ),
    (build_nested_document(items=[]), "items is outside of order."),
    (build_nested_document({"status": 5}), "order.status must be text."),
    (build_nested_document({"creationDate": 5}), "order.creationDate must be text."),
    (
        build_nested_document({"expectedDeliveryDate": "2019-03-15"}),
        'order.expectedDeliveryDate "2019-03-15" is not a day written month/day/year.',
    ),
    (build_nested_document(timestamp="noon"), 'timestamp "noon" is not an ISO 8601 time with a time zone.'),
]


@pytest.mark.parametrize(("json", "reason"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_document_that_is_no_order_is_refused_in_one_sentence(json: bytes, reason: str) -> None:
    with pytest.raises(UnreadableDocument) as error:
        read_document(json)
    assert error.value.reason == reason


@given(DOCUMENTS)
@settings(max_examples=200)
def test_accepted_statement_always_has_a_reading(json: bytes) -> None:
    statement = read_document(json)
    reading = read(build_record(encode_statement(statement)))
    assert reading is not None
    assert (reading.fault, reading.written_version) == ("", 1)
    assert reading.event.order_placed == read_statement(statement)


@given(DOCUMENTS, st.data())
@settings(max_examples=200)
def test_damaged_document_is_read_or_refused(json: bytes, data: st.DataObject) -> None:
    damaged = bytearray(json)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(json) - 1))] = data.draw(st.sampled_from(b'{}[]",:0e-.\\u\x00\xff'))
    assert _read_or_refused(bytes(damaged))


@given(st.binary(max_size=100))
@settings(max_examples=200)
def test_any_bytes_are_read_or_refused(json: bytes) -> None:
    assert _read_or_refused(json)


def _read_or_refused(json: bytes) -> bool:
    try:
        statement = read_document(json)
    except UnreadableDocument as refused:
        return refused.reason.encode().endswith(b".")
    return len(read_statement(statement).lines) > 0


@pytest.mark.parametrize(
    ("empty", "absent"),
    [
        (build_flat_document(company=""), document(remove_member(FLAT, "company"))),
        (build_nested_document({"customerID": ""}), build_nested_document()),
        (build_nested_document({"status": ""}), build_nested_document()),
        (build_nested_document({"status": " "}), build_nested_document()),
    ],
)
def test_empty_id_or_status_is_read_as_absent(empty: bytes, absent: bytes) -> None:
    assert read_statement(read_document(empty)) == read_statement(read_document(absent))


@pytest.mark.parametrize("empty", [{"creationDate": ""}, {"expectedDeliveryDate": ""}])
def test_empty_time_or_day_is_refused(empty: dict[str, str]) -> None:
    with pytest.raises(UnreadableDocument, match='"" is no'):
        read_document(build_nested_document(empty))
