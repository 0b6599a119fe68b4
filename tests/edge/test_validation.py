"""From bytes to a valid request, or a refusal that says what is wrong."""

import pytest
from google.protobuf.message import Message
from hypothesis import given, strategies as st

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
from ordertrail_server.edge.validation import COMMAND_BYTES, parse, validate
from ordertrail_server.orders.refusal import Refusal, Refused

STRANGE = b"\xf8\x07\x01"  # field 127 = 1


def refused(message: Message) -> Refusal:
    with pytest.raises(Refused) as raised:
        validate(message)
    assert raised.value.refusal.reason == ERROR_REASON_INVALID_REQUEST
    return raised.value.refusal


def test_a_request_may_be_as_large_as_the_limit_and_no_larger() -> None:
    request = ConfirmOrderRequest(order_id="o" * 97)
    raw = request.SerializeToString()
    assert parse(ConfirmOrderRequest, raw, len(raw)) == request
    with pytest.raises(Refused) as raised:
        parse(ConfirmOrderRequest, raw, len(raw) - 1)
    assert raised.value.refusal.reason == ERROR_REASON_REQUEST_TOO_LARGE
    assert raised.value.refusal.message == "The request has 99 bytes; at most 98 are taken."


@given(st.binary(max_size=200))
def test_whatever_bytes_come_they_are_a_request_or_refused(raw: bytes) -> None:
    reasons = []
    try:
        validate(parse(Command, raw, COMMAND_BYTES))
    except Refused as raised:
        reasons.append(raised.refusal.reason)
    assert set(reasons) <= {ERROR_REASON_INVALID_REQUEST}


def with_strange_fields(request: ShipOrderRequest) -> bytes:
    for line in request.lines:
        line.MergeFromString(STRANGE)
    return request.SerializeToString() + STRANGE


def test_fields_that_this_release_does_not_know_are_kept_for_the_digest_and_count_as_bytes() -> None:
    raw = with_strange_fields(ShipOrderRequest(order_id="o-1", lines=[ShippedLine(product_id="p_1", quantity=1)]))
    request = parse(ShipOrderRequest, raw, len(raw))
    validate(request)
    assert request.SerializeToString().count(STRANGE) == 2
    with pytest.raises(Refused) as raised:
        parse(ShipOrderRequest, raw, len(raw) - 1)
    assert raised.value.refusal.reason == ERROR_REASON_REQUEST_TOO_LARGE


def test_beside_fields_that_this_release_does_not_know_those_it_knows_keep_their_bounds() -> None:
    raw = with_strange_fields(ShipOrderRequest(lines=[ShippedLine(product_id="p_1", quantity=0)]))
    found = refused(parse(ShipOrderRequest, raw, COMMAND_BYTES))
    assert [each.path for each in found.violations] == ["order_id", "lines[0].quantity"]


def test_every_field_at_fault_is_named_with_its_path() -> None:
    request = PlaceOrderRequest(customer_id="\n")
    request.lines.add(product_id="p_1", quantity=1)
    request.lines.add(product_id="", quantity=0)
    found = refused(request)
    assert [(each.path, each.rule) for each in found.violations] == [
        ("customer_id", "string.pattern"),
        ("lines[1].product_id", "string.min_len"),
        ("lines[1].quantity", "int64.gte_lte"),
    ]
    assert found.where == "customer_id"
    assert all(f"{path}: {text}" in found.message for path, text, _ in found.violations)


def test_of_very_many_fields_at_fault_twenty_are_named() -> None:
    request = ShipOrderRequest(order_id="o-1")
    for _ in range(50):
        request.lines.add()
    assert len(refused(request).violations) == 20


def test_of_a_long_list_only_the_first_fault_is_named_since_to_find_all_takes_long() -> None:
    request = Command(ship_order=ShipOrderRequest(order_id="o-1"))
    for _ in range(51):
        request.ship_order.lines.add()
    assert len(refused(request).violations) == 1


def test_a_choice_that_was_not_made_is_named() -> None:
    assert refused(Command()).where == "verb"


@pytest.mark.parametrize("kind", [CancelOrderRequest, ReturnOrderRequest])
def test_a_reason_has_lines_and_no_other_control_characters(kind: type[CancelOrderRequest]) -> None:
    validate(kind(order_id="o-1", reason="too late:\r\n\tas agreed \u2028 🙂"))
    for control in "\0\a\b\v\f\x1b\x7f\x85\x9f":
        [violation] = refused(kind(order_id="o-1", reason=f"a{control}b")).violations
        assert violation[::2] == ("reason", "string.pattern")


def test_a_valid_request_passes() -> None:
    validate(GetOrderRequest(order_id="o-1"))
