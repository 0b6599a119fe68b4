"""Converts a refusal to a google.rpc.Status. The contract defines the code of each reason."""

from dataclasses import replace
from functools import cache

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo, RetryInfo
from google.rpc.status_pb2 import Status

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail.v1.error_reason_pb2 import ErrorGuide, ErrorReason
from ordertrail_server.orders.refusal import Refusal, Violation

DOMAIN = "ordertrail"
PREFIX = "ERROR_REASON_"
RETRY = {
    reasons.ERROR_REASON_OVERLOADED: Duration(nanos=100_000_000),
    reasons.ERROR_REASON_CALLER_LIMIT: Duration(seconds=1),
    reasons.ERROR_REASON_UNAVAILABLE: Duration(seconds=1),
    reasons.ERROR_REASON_ORDER_PARKED: Duration(seconds=5),
    reasons.ERROR_REASON_NOT_FRESH_YET: Duration(nanos=200_000_000),
}
ABOUT_ORDERS = (
    reasons.ERROR_REASON_ORDER_NOT_FOUND,
    reasons.ERROR_REASON_ORDER_EXISTS,
    reasons.ERROR_REASON_ORDER_PARKED,
    reasons.ERROR_REASON_ORDER_NOT_PARKED,
)
FAILED_PRECONDITION = 9
LONGEST_MESSAGE = 500
"""In characters. A status is sent in headers, which have bounds, and an error can quote a whole record."""


@cache
def guide_of(reason: ErrorReason.ValueType) -> ErrorGuide:
    """Return the status code of a reason and the action for the caller, as the contract defines them."""
    value = ErrorReason.DESCRIPTOR.values_by_number[reason]
    return value.GetOptions().Extensions[reasons.guide]


def status_of(refusal: Refusal) -> Status:
    """Return the status of a refusal: ErrorInfo always, and the details that fit its reason."""
    if len(refusal.message) > LONGEST_MESSAGE:
        refusal = replace(refusal, message=f"{refusal.message[:LONGEST_MESSAGE]} …")
    error_guide = guide_of(refusal.reason)
    name = ErrorReason.Name(refusal.reason).removeprefix(PREFIX)
    info = ErrorInfo(reason=name, domain=DOMAIN, metadata={**refusal.facts, "action": error_guide.action})
    details: list[Message] = [info, *_optional_details(refusal, name, error_guide.code)]
    return Status(code=error_guide.code, message=refusal.message, details=[_pack(detail) for detail in details])


def _optional_details(refusal: Refusal, name: str, code: int) -> list[Message]:
    details: list[Message] = []
    if refusal.where:
        details.append(BadRequest(field_violations=_violations(refusal, name)))
    if code == FAILED_PRECONDITION:
        violation = PreconditionFailure.Violation(type=name, subject=refusal.order_id, description=refusal.message)
        details.append(PreconditionFailure(violations=[violation]))
    if refusal.reason in ABOUT_ORDERS:
        details.append(ResourceInfo(resource_type="ordertrail.v1.Order", resource_name=refusal.order_id))
    if refusal.reason in RETRY:
        details.append(RetryInfo(retry_delay=RETRY[refusal.reason]))
    return details


def _violations(refusal: Refusal, name: str) -> list[BadRequest.FieldViolation]:
    violations = refusal.violations or (Violation(refusal.where, refusal.message),)
    return [
        BadRequest.FieldViolation(field=path, description=message, reason=rule or name)
        for path, message, rule in violations
    ]


def _pack(detail: Message) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed
