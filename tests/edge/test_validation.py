"""Bytes become a valid request, or a refusal that names the invalid fields."""

from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given, strategies as st

from buf.validate.validate_pb2 import field as rules
from ordertrail.v1 import commands_pb2, money_pb2, order_events_pb2, order_import_service_pb2
from ordertrail.v1.commands_pb2 import (
    CancelOrderRequest,
    Command,
    ConfirmOrderRequest,
    PlaceOrderRequest,
    ReturnOrderRequest,
    ShipOrderRequest,
)
from ordertrail.v1.error_reason_pb2 import ERROR_REASON_INVALID_REQUEST, ERROR_REASON_REQUEST_TOO_LARGE
from ordertrail.v1.order_events_pb2 import ShippedLine
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest
from ordertrail_server.edge.validation import COMMAND_BYTES, PATTERN_MESSAGES, parse, validate
from ordertrail_server.orders.refusal import Refusal, Refused

UNKNOWN_FIELD = b"\xf8\x07\x01"  # field 127 = 1


def validate_refused(message: Message) -> Refusal:
    with pytest.raises(Refused) as error:
        validate(message)
    assert error.value.refusal.reason == ERROR_REASON_INVALID_REQUEST
    return error.value.refusal


def test_request_larger_than_limit_is_refused() -> None:
    request = ConfirmOrderRequest(order_id="o" * 97)
    raw = request.SerializeToString()
    assert parse(ConfirmOrderRequest, raw, len(raw)) == request
    with pytest.raises(Refused) as error:
        parse(ConfirmOrderRequest, raw, len(raw) - 1)
    assert error.value.refusal.reason == ERROR_REASON_REQUEST_TOO_LARGE
    assert error.value.refusal.message == "The request has 99 bytes; the limit is 98."


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(raw: bytes) -> None:
    reasons = []
    try:
        validate(parse(Command, raw, COMMAND_BYTES))
    except Refused as error:
        reasons.append(error.refusal.reason)
    assert set(reasons) <= {ERROR_REASON_INVALID_REQUEST}


def add_unknown_fields(request: ShipOrderRequest) -> bytes:
    for line in request.lines:
        line.MergeFromString(UNKNOWN_FIELD)
    return request.SerializeToString() + UNKNOWN_FIELD


def test_unknown_fields_are_kept_and_count_as_bytes() -> None:
    raw = add_unknown_fields(ShipOrderRequest(order_id="o-1", lines=[ShippedLine(product_id="p_1", quantity=1)]))
    request = parse(ShipOrderRequest, raw, len(raw))
    validate(request)
    assert request.SerializeToString().count(UNKNOWN_FIELD) == 2
    with pytest.raises(Refused) as error:
        parse(ShipOrderRequest, raw, len(raw) - 1)
    assert error.value.refusal.reason == ERROR_REASON_REQUEST_TOO_LARGE


def test_known_fields_are_validated_next_to_unknown_ones() -> None:
    raw = add_unknown_fields(ShipOrderRequest(lines=[ShippedLine(product_id="p_1", quantity=0)]))
    refusal = validate_refused(parse(ShipOrderRequest, raw, COMMAND_BYTES))
    assert [violation.path for violation in refusal.violations] == ["order_id", "lines[0].quantity"]


def test_every_invalid_field_is_named_with_its_path() -> None:
    request = PlaceOrderRequest(customer_id="\n")
    request.lines.add(product_id="p_1", quantity=1)
    request.lines.add(product_id="", quantity=0)
    refusal = validate_refused(request)
    assert [(violation.path, violation.rule) for violation in refusal.violations] == [
        ("customer_id", "string.pattern"),
        ("lines[1].product_id", "string.min_len"),
        ("lines[1].quantity", "int64.gte_lte"),
    ]
    assert refusal.where == "customer_id"
    assert all(f"{path}: {text}" in refusal.message for path, text, _ in refusal.violations)


def test_at_most_twenty_invalid_fields_are_named() -> None:
    request = ShipOrderRequest(order_id="o-1")
    for _ in range(50):
        request.lines.add()
    assert len(validate_refused(request).violations) == 20


def test_only_first_invalid_element_of_long_list_is_named() -> None:
    request = Command(ship_order=ShipOrderRequest(order_id="o-1"))
    for _ in range(51):
        request.ship_order.lines.add()
    assert len(validate_refused(request).violations) == 1


def test_missing_oneof_is_named() -> None:
    assert validate_refused(Command()).where == "verb"


@pytest.mark.parametrize("kind", [CancelOrderRequest, ReturnOrderRequest])
def test_reason_allows_tabs_and_line_ends_but_no_other_control_character(kind: type[CancelOrderRequest]) -> None:
    validate(kind(order_id="o-1", reason="too late:\r\n\tas agreed \u2028 🙂"))
    for character in "\0\a\b\v\f\x1b\x7f\x85\x9f":
        [violation] = validate_refused(kind(order_id="o-1", reason=f"a{character}b")).violations
        assert violation[::2] == ("reason", "string.pattern")


def test_valid_request_is_accepted() -> None:
    validate(GetOrderRequest(order_id="o-1"))


@pytest.mark.parametrize("file", [commands_pb2, money_pb2, order_events_pb2, order_import_service_pb2])
def test_violated_pattern_is_described_without_regular_expression(file: Any) -> None:
    patterns = {
        field.GetOptions().Extensions[rules].string.pattern
        for message in file.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
    }
    assert patterns - {""} <= PATTERN_MESSAGES.keys()


def test_violation_names_the_allowed_characters() -> None:
    [violation] = validate_refused(ConfirmOrderRequest(order_id="a\nb")).violations
    assert violation.message == "must not contain control characters"
