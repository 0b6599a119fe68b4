"""Every refusal travels as the contract says, with the details that fit its reason."""

import pytest
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo, RetryInfo
from google.rpc.status_pb2 import Status

from ordertrail.v1.error_reason_pb2 import ErrorReason, guide
from ordertrail_server.edge.status import LONGEST_MESSAGE, status_of
from ordertrail_server.orders.refusal import Refusal, Violation

KINDS: list[type[Message]] = [ErrorInfo, BadRequest, PreconditionFailure, ResourceInfo, RetryInfo]
REASONS = [value.name.removeprefix("ERROR_REASON_") for value in ErrorReason.DESCRIPTOR.values if value.number]
SAID = "It went wrong."


def refusal(reason: str, **further: object) -> Refusal:
    return Refusal(ErrorReason.Value(f"ERROR_REASON_{reason}"), SAID, **further)  # type: ignore[arg-type]


def details(status: Status) -> list[Message]:
    """Return what the status holds; each kind of detail at most once."""
    found = [kind() for kind in KINDS for detail in status.details if detail.Is(kind.DESCRIPTOR)]
    unpacked = [sum(detail.Unpack(message) for detail in status.details) for message in found]
    assert unpacked == [1] * len(status.details)
    return found


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_the_code_and_the_action_of_its_guide(reason: str) -> None:
    told = ErrorReason.DESCRIPTOR.values_by_name[f"ERROR_REASON_{reason}"].GetOptions().Extensions[guide]
    status = status_of(refusal(reason, facts={"size": "3"}))
    assert (status.code, status.message) == (told.code, SAID)
    assert status.code != 0
    info = details(status)[0]
    assert info == ErrorInfo(reason=reason, domain="ordertrail", metadata={"size": "3", "action": told.action})
    assert told.action


@pytest.mark.parametrize("reason", REASONS)
def test_a_delay_is_told_where_the_action_asks_for_one(reason: str) -> None:
    status = status_of(refusal(reason))
    delays = [detail.retry_delay.ToTimedelta() for detail in details(status) if isinstance(detail, RetryInfo)]
    assert all(0 < delay.total_seconds() <= 5 for delay in delays)
    action = ErrorReason.DESCRIPTOR.values_by_name[f"ERROR_REASON_{reason}"].GetOptions().Extensions[guide].action
    assert len(delays) == (action.startswith("Retry"))


def test_a_field_at_fault_is_named() -> None:
    bad = details(status_of(refusal("INVALID_REQUEST", where="lines[0].quantity")))[1]
    violation = BadRequest.FieldViolation(field="lines[0].quantity", description=SAID, reason="INVALID_REQUEST")
    assert bad == BadRequest(field_violations=[violation])


def test_each_field_at_fault_is_named_with_its_rule_or_else_with_the_reason() -> None:
    found = [Violation("customer_id", "is missing", "required"), Violation("lines", "are of two currencies")]
    bad = details(status_of(refusal("INVALID_REQUEST", where="customer_id", violations=found)))[1]
    assert isinstance(bad, BadRequest)
    assert [(each.field, each.description, each.reason) for each in bad.field_violations] == [
        ("customer_id", "is missing", "required"),
        ("lines", "are of two currencies", "INVALID_REQUEST"),
    ]


def test_an_order_whose_state_forbids_is_named_with_the_ground() -> None:
    _, failure = details(status_of(refusal("STATUS_FORBIDS", order_id="o-1")))
    violation = PreconditionFailure.Violation(type="STATUS_FORBIDS", subject="o-1", description=SAID)
    assert failure == PreconditionFailure(violations=[violation])


@pytest.mark.parametrize("reason", ["ORDER_NOT_FOUND", "ORDER_EXISTS"])
def test_an_order_that_is_missing_or_in_the_way_is_named(reason: str) -> None:
    _, resource = details(status_of(refusal(reason, order_id="o-1")))
    assert resource == ResourceInfo(resource_type="ordertrail.v1.Order", resource_name="o-1")


def test_a_message_that_quotes_a_whole_record_still_travels_in_headers() -> None:
    told = status_of(Refusal(ErrorReason.ERROR_REASON_ORDER_NOT_PARKED, "ü" * 60_000, order_id="order-1"))
    assert told.message == "ü" * LONGEST_MESSAGE + " …"
    assert len(told.SerializeToString()) < 4_000
