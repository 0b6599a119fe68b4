"""The errors of the client, one class for each reaction of a caller.

    OrderTrailError          the base class; itself raised for a status that this release does not know
    ├── InvalidRequest       correct the request; `violations` name the fields
    ├── Unauthenticated      get a new token
    ├── Denied               ask the operator for a grant
    ├── NotFound             query another order, command or point in time
    ├── Refused              the order's state or an id already in use forbids the command; see `reason`
    │   └── VersionMismatch  read the order and decide again; see `expected` and `actual`
    ├── Unavailable          retry with the same request id, after `retry_after` seconds
    └── ServerFault          report it to the operator; a retry with the same request id is safe

The client reads google.rpc details, never English text. Every reason is the name of a value of
`ordertrail.v1.ErrorReason`, without its prefix.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from ordertrail.v1.error_reason_pb2 import ErrorReason, guide

__all__ = [
    "Denied",
    "InvalidRequest",
    "NotFound",
    "OrderTrailError",
    "Refused",
    "ServerFault",
    "Unauthenticated",
    "Unavailable",
    "VersionMismatch",
    "Violation",
    "from_rpc_error",
    "from_status",
]


@dataclass(frozen=True)
class Violation:
    """An invalid field of a request: its path (`lines[0].quantity`) and a description of the error.

    `reason` is the id of the violated rule of the contract (`int64.gte_lte`), or the error's reason if there is none.
    """

    field: str
    description: str
    reason: str = ""


@dataclass(eq=False)
class OrderTrailError(Exception):
    """A failed call.

    `code` is the gRPC status code. `reason` is the server's reason, or the code's name if the server gave none.
    `action` tells the caller what to do, or is "". `metadata` holds values for programs. `retry_after` is the server's
    retry delay in seconds, if it gave one.
    """

    code: grpc.StatusCode
    reason: str
    message: str
    action: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[Violation] = ()
    retry_after: float | None = None

    def __str__(self) -> str:
        return self.message


class InvalidRequest(OrderTrailError):
    """The request is invalid, independent of the order's state; `violations` name the fields."""


class Unauthenticated(OrderTrailError):
    """The call has no token or certificate that the server accepts."""


class Denied(OrderTrailError):
    """The policy of the server does not allow the call to this caller."""


class NotFound(OrderTrailError):
    """The order, or another thing that the request names, does not exist, or did not exist at that point in time."""


class Refused(OrderTrailError):
    """The order's state, its rules, or an id already in use forbid the command."""


class VersionMismatch(Refused):
    """The order has another version than the caller expected."""

    @property
    def expected(self) -> int:
        """The version that the caller expected."""
        return int(self.metadata["expected"])

    @property
    def actual(self) -> int:
        """The version that the order has."""
        return int(self.metadata["actual"])


class Unavailable(OrderTrailError):
    """The server is overloaded, not reachable, or behind its log. A command may or may not have led to a fact."""


class ServerFault(OrderTrailError):
    """The server failed by an error of its own."""


_BY_REASON: dict[str, type[OrderTrailError]] = {
    "VERSION_MISMATCH": VersionMismatch,
    # They share their code with OVERLOADED, but a retry does not help.
    "REQUEST_TOO_LARGE": InvalidRequest,
    "QUERY_TIME_LIMIT": InvalidRequest,
}

_BY_CODE: dict[grpc.StatusCode, type[OrderTrailError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequest,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: Denied,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: Refused,
    grpc.StatusCode.FAILED_PRECONDITION: Refused,
    grpc.StatusCode.ABORTED: Refused,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    # Only from the server: a call that it had not begun when it stopped. A call cancelled here raises CancelledError.
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: Unavailable,
    grpc.StatusCode.INTERNAL: ServerFault,
    grpc.StatusCode.UNKNOWN: ServerFault,
    grpc.StatusCode.DATA_LOSS: ServerFault,
    grpc.StatusCode.UNIMPLEMENTED: ServerFault,
}

# Errors of the gRPC library itself, which have no reason, if our server uses the code for another error.
_BY_LIBRARY_CODE: dict[grpc.StatusCode, type[OrderTrailError]] = {
    grpc.StatusCode.RESOURCE_EXHAUSTED: InvalidRequest,  # its own bound on a message's size
    grpc.StatusCode.INTERNAL: Unavailable,  # a stream that ended while something was being written to it
}

_RETRY_ACTION = "Retry with the same request id: if the command led to a fact, the server answers with its receipt."

_CODES = {code.value[0]: code for code in grpc.StatusCode}


def from_rpc_error(error: grpc.aio.AioRpcError) -> OrderTrailError:
    """Return the typed error of a failed call."""
    status = _details_of(error) or status_pb2.Status(code=error.code().value[0], message=error.details() or "")
    return from_status(status)


def from_status(status: status_pb2.Status) -> OrderTrailError:
    """Return the typed error of a status, such as that of one command of a batch."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    info, violations, delay = _read_details(status)
    reason = info.reason or code.name
    metadata = dict(info.metadata)
    # The server's action comes first, because its reason may be newer than this client.
    action = metadata.pop("action", "")
    kind = _BY_REASON.get(reason) or _BY_CODE.get(code, OrderTrailError)
    if info.reason:
        action = action or _action(reason)
    else:
        kind = _BY_LIBRARY_CODE.get(code, kind)
        action = _RETRY_ACTION if kind is Unavailable else ""
    return kind(code, reason, status.message, action, metadata, violations, delay)


def _details_of(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    try:
        return rpc_status.from_call(error)  # type: ignore[arg-type]  # the stubs know sync calls only
    except ValueError:
        return None  # an intermediary changed the code, so that the details contradict it


def _read_details(
    status: status_pb2.Status,
) -> tuple[error_details_pb2.ErrorInfo, Sequence[Violation], float | None]:
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        for message in (info, bad, retry):
            detail.Unpack(message)
    violations = tuple(
        Violation(violation.field, violation.description, violation.reason) for violation in bad.field_violations
    )
    return info, violations, retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None


def _action(reason: str) -> str:
    value = ErrorReason.DESCRIPTOR.values_by_name.get(f"ERROR_REASON_{reason}")
    return value.GetOptions().Extensions[guide].action if value else ""
