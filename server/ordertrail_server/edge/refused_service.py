"""A service that this server knows but does not offer: every rpc is refused with the reason."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any, NoReturn

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_SUBSCRIPTIONS_OFF, ERROR_REASON_UNAVAILABLE
from ordertrail_server.edge.gate import Context, Gate, RpcGate
from ordertrail_server.edge.rpc_handler import Handler, abort, refuse_after_request
from ordertrail_server.orders.refusal import Refusal, Refused

SUBSCRIPTIONS_OFF = Refusal(
    ERROR_REASON_SUBSCRIPTIONS_OFF,
    "The log of this server has no topic of subscriptions; create it with `ordertrail topics create`.",
)
SUBSCRIPTIONS_DAMAGED = Refusal(
    ERROR_REASON_UNAVAILABLE,
    "The subscriptions of this server cannot be read; the operator finds the reason in its output.",
)


def refusing_handlers(gate: Gate, service: ServiceDescriptor, refusal: Refusal) -> dict[str, Handler]:
    """Return a handler for each rpc of a service, with one response or a stream of both, that refuses every call."""

    async def refuse(rpc: RpcGate, _: bytes | None, context: Context) -> NoReturn:
        try:
            await rpc.admit(context)
            raise Refused(refusal)
        except Refused as refused:
            await abort(context, refused)

    async def refuse_stream(rpc: RpcGate, requests: AsyncIterator[bytes], context: Context) -> NoReturn:
        try:
            async with refuse_after_request(requests):
                await rpc.admit(context)
                raise Refused(refusal)
        except Refused as refused:
            await abort(context, refused)

    def handler_of(method: Any) -> Handler:
        rpc = gate.rpc(service.full_name, method.name)
        if method.client_streaming:
            return grpc.stream_stream_rpc_method_handler(partial(refuse_stream, rpc))
        return grpc.unary_unary_rpc_method_handler(partial(refuse, rpc))

    return {method.name: handler_of(method) for method in service.methods}
