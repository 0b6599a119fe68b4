"""A service that this server knows but does not offer: every rpc is refused with the reason."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_SUBSCRIPTIONS_OFF, ERROR_REASON_UNAVAILABLE
from ordertrail_server.edge.rpc_handler import Context, Handler, abort
from ordertrail_server.orders.refusal import Refusal, Refused

SUBSCRIPTIONS_OFF = Refusal(
    ERROR_REASON_SUBSCRIPTIONS_OFF,
    "The log of this server has no topic of subscriptions; create it with `ordertrail topics create`.",
)
SUBSCRIPTIONS_DAMAGED = Refusal(
    ERROR_REASON_UNAVAILABLE,
    "The subscriptions of this server cannot be read; the operator finds the reason in its output.",
)


def refusing_handlers(service: ServiceDescriptor, refusal: Refusal) -> dict[str, Handler]:
    """Return a handler for each rpc of a service, with one response or a stream of both, that refuses every call."""

    async def refuse_call(_: bytes, context: Context) -> bytes:
        await abort(context, Refused(refusal))

    async def refuse_stream(_: AsyncIterator[bytes], context: Context) -> AsyncGenerator[bytes, None]:
        await abort(context, Refused(refusal))
        yield b""

    def handler_of(method: Any) -> Handler:
        if method.client_streaming:
            return grpc.stream_stream_rpc_method_handler(refuse_stream)
        return grpc.unary_unary_rpc_method_handler(refuse_call)

    return {method.name: handler_of(method) for method in service.methods}
