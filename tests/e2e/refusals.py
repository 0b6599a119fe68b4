"""Refusals of calls, with all their details."""

import re
from collections.abc import Awaitable
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from ordertrail.v1.error_reason_pb2 import ErrorReason, guide

# Text that only Python code could cause: a traceback, an exception or its class, an object's repr, a source file.
PYTHON = re.compile(
    r"Traceback|Error\(|Exception|<class|object at 0x|\.py\b|site-packages|NoneType|b'|asyncio|/home/|/tmp/"
)


class Refused(NamedTuple):
    """A refusal: `reason` is a value of ErrorReason without its prefix."""

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: dict[str, str]
    fields: list[str]
    preconditions: list[str]
    resources: list[str]
    retry_seconds: float | None


async def catch_refusal(call: Awaitable[Any]) -> Refused:
    """Return the refusal of a call. Fails if the call succeeds, or its refusal differs from the contract."""
    call_refusal = await catch_refusal_if_any(call)
    assert call_refusal is not None, "not refused"
    return call_refusal


async def catch_refusal_if_any(call: Awaitable[Any]) -> Refused | None:
    """Return the refusal of a call, None if it succeeds."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return read_error(error)
    return None


def read_error(error: grpc.aio.AioRpcError) -> Refused:
    """Return the refusal in the error of a call. Fails if it has no details."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # the stubs know sync calls only
    assert status is not None, f"no details: {error.code()} {error.details()}"
    return read_status(status)


def read_status(status: Status) -> Refused:
    """Return the refusal in a status. Fails if it differs from the contract, or has text of Python errors."""
    info, bad_request, failure, resource, retry = (
        ErrorInfo(),
        BadRequest(),
        PreconditionFailure(),
        ResourceInfo(),
        RetryInfo(),
    )
    detail_types: list[Message] = [info, bad_request, failure, resource, retry]
    unpacked = [sum(detail.Unpack(message) for message in detail_types) for detail in status.details]
    assert all(count == 1 for count in unpacked)
    assert not PYTHON.search(str(status)), status
    expected_guide = read_guide(info.reason)
    assert (status.code, info.domain, info.metadata["action"]) == (
        expected_guide.code,
        "ordertrail",
        expected_guide.action,
    )
    assert status.message
    return Refused(
        next(code for code in grpc.StatusCode if code.value[0] == status.code),
        info.reason,
        status.message,
        dict(info.metadata),
        [violation.field for violation in bad_request.field_violations],
        [violation.type for violation in failure.violations],
        [resource.resource_name] if resource.resource_name else [],
        retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None,
    )


def read_guide(reason: str) -> Any:
    """Return the guide of a reason in the contract."""
    value = ErrorReason.DESCRIPTOR.values_by_name[f"ERROR_REASON_{reason}"]
    return value.GetOptions().Extensions[guide]
