from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from ordertrail import errors
from ordertrail.errors import (
    Denied,
    InvalidRequest,
    NotFound,
    OrderTrailError,
    Refused,
    ServerFault,
    Unauthenticated,
    Unavailable,
    VersionMismatch,
    Violation,
    from_status,
)
from ordertrail.v1.error_reason_pb2 import ErrorReason, guide

EXPECTED: dict[str, type[OrderTrailError]] = {
    "INVALID_REQUEST": InvalidRequest,
    "REQUEST_TOO_LARGE": InvalidRequest,
    "QUERY_TIME_LIMIT": InvalidRequest,
    "INVALID_TOKEN": InvalidRequest,
    "FOREIGN_TOKEN": InvalidRequest,
    "LOST_TOKEN": InvalidRequest,
    "PAGE_TOKEN_MISMATCH": InvalidRequest,
    "ORDER_NOT_FOUND": NotFound,
    "ORDER_EXISTS": Refused,
    "REQUEST_ID_REUSED": Refused,
    "VERSION_MISMATCH": VersionMismatch,
    "ORDER_PARKED": Unavailable,
    "RECORD_NOT_FOUND": NotFound,
    "ORDER_NOT_PARKED": Refused,
    "PROJECTION_NOT_FOUND": NotFound,
    "GENERATION_NOT_READY": Refused,
    "TIMELINE_OFF": Refused,
    "FUTURE_TIME": InvalidRequest,
    "AUDIT_RUNNING": Refused,
    "COMMAND_NOT_FOUND": NotFound,
    "COMMAND_REJECTED": Refused,
    "STATUS_FORBIDS": Refused,
    "NOTHING_CHANGES": Refused,
    "PRODUCT_ALREADY_ORDERED": Refused,
    "PRODUCT_NOT_ORDERED": Refused,
    "LAST_LINE": Refused,
    "TOO_MANY_LINES": Refused,
    "CURRENCY_DIFFERS": Refused,
    "TOTAL_TOO_LARGE": Refused,
    "MORE_THAN_ORDERED": Refused,
    "NOTHING_ORDERED": Refused,
    "UNREADABLE_DOCUMENT": InvalidRequest,
    "SUBSCRIPTION_NOT_FOUND": NotFound,
    "SUBSCRIPTION_EXISTS": Refused,
    "SUBSCRIPTION_STOPPED": Refused,
    "DELIVERY_NOT_PARKED": Refused,
    "SUBSCRIPTION_HAS_WEBHOOK": Refused,
    "SUBSCRIPTION_HAS_NO_WEBHOOK": Refused,
    "WEBHOOK_SECRET_REFUSED": Refused,
    "WEBHOOK_DELIVERY_NOT_FOUND": NotFound,
    "WEBHOOK_DELIVERY_NOT_FINISHED": Refused,
    "TOO_MANY_SUBSCRIPTIONS": Unavailable,
    "SUBSCRIPTIONS_OFF": Refused,
    "OVERLOADED": Unavailable,
    "UNAVAILABLE": Unavailable,
    "NOT_FRESH_YET": Unavailable,
    "INTERNAL": ServerFault,
    "UNAUTHENTICATED": Unauthenticated,
    "PERMISSION_DENIED": Denied,
    "CALLER_LIMIT": Unavailable,
}
REASONS = [name for name in ErrorReason.keys() if name != "ERROR_REASON_UNSPECIFIED"]  # noqa: SIM118 (no dict)


def status(code: int, *details: Message, message: str = "It went wrong.") -> Status:
    status_message = Status(code=code, message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status_message.details.append(packed)
    return status_message


@pytest.mark.parametrize("name", REASONS)
def test_every_reason_has_its_class_and_the_action_of_the_contract(name: str) -> None:
    contract_guide = ErrorReason.DESCRIPTOR.values_by_name[name].GetOptions().Extensions[guide]
    reason = name.removeprefix("ERROR_REASON_")
    error = from_status(status(contract_guide.code, ErrorInfo(reason=reason, domain="ordertrail")))
    assert type(error) is EXPECTED[reason]
    assert (error.reason, error.action, error.code.value[0]) == (reason, contract_guide.action, contract_guide.code)
    assert str(error) == "It went wrong."


def test_version_mismatch_has_both_versions() -> None:
    info = ErrorInfo(reason="VERSION_MISMATCH", metadata={"expected": "3", "actual": "5"})
    error = from_status(status(10, info))
    assert isinstance(error, VersionMismatch)
    assert (error.expected, error.actual) == (3, 5)


def test_violations_name_the_fields() -> None:
    bad = BadRequest(
        field_violations=[
            BadRequest.FieldViolation(field="lines[0].quantity", description="too small", reason="int64.gte_lte")
        ]
    )
    error = from_status(status(3, ErrorInfo(reason="INVALID_REQUEST"), bad))
    assert error.violations == (Violation("lines[0].quantity", "too small", "int64.gte_lte"),)


def test_retry_delay_is_in_seconds() -> None:
    retry = RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000))
    assert from_status(status(8, ErrorInfo(reason="OVERLOADED"), retry)).retry_after == 1.5


def test_unknown_reason_gets_class_of_its_code_and_action_of_server() -> None:
    info = ErrorInfo(reason="MOON_IN_THE_WAY", metadata={"action": "Wait for the new moon.", "phase": "full"})
    error = from_status(status(9, info))
    assert type(error) is Refused
    assert (error.reason, error.action, error.metadata) == (
        "MOON_IN_THE_WAY",
        "Wait for the new moon.",
        {"phase": "full"},
    )


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, Unavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Unavailable),
        (grpc.StatusCode.CANCELLED, Unavailable),  # by a server that stops
        (grpc.StatusCode.INTERNAL, Unavailable),  # a stream that ended while the client was writing
        (grpc.StatusCode.RESOURCE_EXHAUSTED, InvalidRequest),  # gRPC's own bound on a message's size
        (grpc.StatusCode.UNIMPLEMENTED, ServerFault),
        (grpc.StatusCode.PERMISSION_DENIED, Denied),
    ],
)
def test_status_without_details_gets_class_of_its_code(code: Any, kind: type[OrderTrailError]) -> None:
    error = from_status(Status(code=code.value[0], message="no details"))
    assert type(error) is kind
    assert error.reason == code.name
    assert ("same request id" in error.action) == (kind is Unavailable)


def test_docstring_lists_every_error_class() -> None:
    kinds = {name for name in errors.__all__ if isinstance(getattr(errors, name), type) and name != "Violation"}
    listed_names = {word for word in (errors.__doc__ or "").replace("─", " ").split() if word in dir(errors)}
    assert listed_names == kinds
