"""The status code with which a failed call ended."""

from asyncio import CancelledError
from typing import Any

import grpc

from ordertrail_server.edge.gate import Context
from ordertrail_server.edge.rpc_handler import CODES


def code_of(error: BaseException, context: Context) -> grpc.StatusCode:
    """Return the code of a call that failed. An error that set none is UNKNOWN to its caller."""
    if isinstance(error, CancelledError | GeneratorExit):
        remaining_s = context.time_remaining()
        is_late = remaining_s is not None and remaining_s <= 0
        return grpc.StatusCode.DEADLINE_EXCEEDED if is_late else grpc.StatusCode.CANCELLED
    code: Any = context.code()  # the library returns a number if the code was set by abort()
    code = CODES.get(code, code)
    return grpc.StatusCode.UNKNOWN if code in (None, grpc.StatusCode.OK) else code
