"""Every refusal becomes the status of the contract, with the details that fit its reason."""

from typing import Any

import pytest
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo, RetryInfo
from google.rpc.status_pb2 import Status

from ordertrail.v1.error_reason_pb2 import ErrorReason, guide
from ordertrail_server.commands.refusal_status import LONGEST_MESSAGE, status_of
from ordertrail_server.orders.refusal import Refusal, Violation

KINDS: list[type[Message]] = [ErrorInfo, BadRequest, PreconditionFailure, ResourceInfo, RetryInfo]
REASONS = [value.name.removeprefix("ERROR_REASON_") for value in ErrorReason.DESCRIPTOR.values if value.number]
MESSAGE = "It went wrong."


def build_refusal(reason: str, **fields: Any) -> Refusal:
    return Refusal(ErrorReason.Value(f"ERROR_REASON_{reason}"), MESSAGE, **fields)


def details(status: Status) -> list[Message]:
    """Return the details of a status. Fails if it has a type of detail twice."""
    violations = [kind() for kind in KINDS for detail in status.details if detail.Is(kind.DESCRIPTOR)]
    unpacked = [sum(detail.Unpack(message) for detail in status.details) for message in violations]
    assert unpacked == [1] * len(status.details)
    return violations


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_the_code_and_the_action_of_its_guide(reason: str) -> None:
    result = ErrorReason.DESCRIPTOR.values_by_name[f"ERROR_REASON_{reason}"].GetOptions().Extensions[guide]
    status = status_of(build_refusal(reason, facts={"size": "3"}))
    assert (status.code, status.message) == (result.code, MESSAGE)
    assert status.code != 0
    info = details(status)[0]
    assert info == ErrorInfo(reason=reason, domain="ordertrail", metadata={"size": "3", "action": result.action})
    assert result.action


@pytest.mark.parametrize("reason", REASONS)
def test_retry_info_is_set_if_action_is_to_retry(reason: str) -> None:
    status = status_of(build_refusal(reason))
    delays = [detail.retry_delay.ToTimedelta() for detail in details(status) if isinstance(detail, RetryInfo)]
    assert all(0 < delay.total_seconds() <= 5 for delay in delays)
    action = ErrorReason.DESCRIPTOR.values_by_name[f"ERROR_REASON_{reason}"].GetOptions().Extensions[guide].action
    assert len(delays) == (action.startswith("Retry"))


def test_bad_request_names_invalid_field() -> None:
    bad = details(status_of(build_refusal("INVALID_REQUEST", where="lines[0].quantity")))[1]
    violation = BadRequest.FieldViolation(field="lines[0].quantity", description=MESSAGE, reason="INVALID_REQUEST")
    assert bad == BadRequest(field_violations=[violation])


def test_bad_request_has_rule_of_each_field_or_the_reason() -> None:
    violations = [Violation("customer_id", "is missing", "required"), Violation("lines", "are of two currencies")]
    bad = details(status_of(build_refusal("INVALID_REQUEST", where="customer_id", violations=violations)))[1]
    assert isinstance(bad, BadRequest)
    assert [(violation.field, violation.description, violation.reason) for violation in bad.field_violations] == [
        ("customer_id", "is missing", "required"),
        ("lines", "are of two currencies", "INVALID_REQUEST"),
    ]


def test_precondition_failure_names_order_and_reason() -> None:
    _, failure = details(status_of(build_refusal("STATUS_FORBIDS", order_id="o-1")))
    violation = PreconditionFailure.Violation(type="STATUS_FORBIDS", subject="o-1", description=MESSAGE)
    assert failure == PreconditionFailure(violations=[violation])


@pytest.mark.parametrize("reason", ["ORDER_NOT_FOUND", "ORDER_EXISTS"])
def test_resource_info_names_missing_or_existing_order(reason: str) -> None:
    _, resource = details(status_of(build_refusal(reason, order_id="o-1")))
    assert resource == ResourceInfo(resource_type="ordertrail.v1.Order", resource_name="o-1")


def test_long_message_is_shortened_to_fit_in_headers() -> None:
    result = status_of(Refusal(ErrorReason.ERROR_REASON_ORDER_NOT_PARKED, "ü" * 60_000, order_id="order-1"))
    assert result.message == "ü" * LONGEST_MESSAGE + " …"
    assert len(result.SerializeToString()) < 4_000
