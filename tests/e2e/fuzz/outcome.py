"""The outcome of a call, and whether the contract allows it."""

from typing import NamedTuple

import grpc
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from tests.e2e.refusals import PYTHON, read_status

# What gRPC itself answers, without details (docs/contract.md): after a deadline; above its own limits of metadata and
# messages; to an rpc that no service has; and to a call that its caller has cancelled.
OF_GRPC = {
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.CANCELLED,
}
# What the caller's own library reports, instead of the server's answer, if a stream ends while it writes to it.
FAILED_WRITE = "SendMessageOperation"
# The standard of grpc.health.v1 defines this answer, which has no details.
OF_HEALTH = {"/grpc.health.v1.Health/Check": {grpc.StatusCode.NOT_FOUND}}


class ContractBroken(AssertionError):
    """An answer that the contract does not allow."""


class Call(NamedTuple):
    """A call as it was sent."""

    path: str
    requests: list[bytes]
    metadata: tuple[tuple[str, str | bytes], ...]
    deadline: float

    def __str__(self) -> str:
        texts = [request.hex()[:2_000] for request in self.requests]
        return f"{self.path} {texts} with {self.metadata} and a deadline of {self.deadline} s"


def judge_error(call: Call, error: grpc.aio.AioRpcError, seconds: float) -> str:
    """Return the reason of a refusal after that time, or the code of gRPC's own answer. Raises ContractBroken."""
    status = _read_details(error)
    if status is not None:
        reason = read_status(status).reason
        if reason == "INTERNAL":
            raise ContractBroken(f"INTERNAL after {call}")
        return reason
    code = error.code()
    if code is grpc.StatusCode.INTERNAL and FAILED_WRITE in (error.debug_error_string() or ""):
        return "gRPC's failed write"
    if seconds >= call.deadline:
        return "gRPC's deadline"  # it may cut off the details of an answer that arrives meanwhile
    if code in OF_HEALTH.get(call.path, set()):
        return f"health's {code.name}"
    if code not in OF_GRPC or PYTHON.search(error.details() or ""):
        raise ContractBroken(f"{code}: {error.details()} after {call}")
    return f"gRPC's {code.name}"


def _read_details(error: grpc.aio.AioRpcError) -> Status | None:
    try:
        return rpc_status.from_call(error)  # type: ignore[arg-type]  # the stubs know sync calls only
    except ValueError:
        return None  # gRPC replaced the code, because the deadline passed while the answer arrived
