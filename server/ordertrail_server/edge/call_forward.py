"""Passes calls to another server byte for byte: requests, deadline, metadata, responses, and errors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, NoReturn, cast

import grpc

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail_server.access.forwarded_identity import FORWARDED_IDENTITY, write_forwarded
from ordertrail_server.access.identity.identity import ANONYMOUS, CERTIFICATE, Identity
from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.gate import Context
from ordertrail_server.orders.refusal import Refusal, Refused

FORWARDED = "ordertrail-forwarded"
"""The metadata of a forwarded call, which is not forwarded again."""

NOT_SERVING = "ordertrail-not-serving"
"""The trailing metadata of a forwarded call that had no effect, because the server does not serve it either."""

STATUS_DETAILS = "grpc-status-details-bin"
_OWN_METADATA = {"user-agent", "content-type", "te", "host", FORWARDED, FORWARDED_IDENTITY}

LOST = Refusal(
    ERROR_REASON_UNAVAILABLE, "The connection to the server that serves the subscriptions was lost; retry shortly."
)


class NotServing(Exception):
    """The other server does not serve the call. It had no effect."""


class ConnectionLost(Refused):
    """The other server has not answered. The call may have had its effect."""


def is_forwarded(context: Context) -> bool:
    """Return whether another server has forwarded the call."""
    return any(key == FORWARDED for key, _ in context.invocation_metadata() or ())


async def forward_call(
    channel: grpc.aio.Channel, method: str, request: bytes, context: Context, identity: Identity
) -> bytes:
    """Forward a call with one request, and return its response. Raises NotServing, ConnectionLost, AbortError."""
    multi_callable: Any = cast("Any", channel).unary_unary(method)  # the stubs know calls with serializers only
    call = multi_callable(request, timeout=context.time_remaining(), metadata=_metadata_of(context, identity))
    try:
        response: bytes = await call
    except grpc.aio.AioRpcError as error:
        await _pass_error(error, context)
    except asyncio.CancelledError:
        raise _explain_cancellation() from None
    return response


async def forward_conversation(
    channel: grpc.aio.Channel,
    method: str,
    requests: AsyncIterator[bytes],
    context: Context,
    identity: Identity,
    draining: Draining,
) -> None:
    """Forward a call with streams of requests and responses. Raises the same errors."""
    multi_callable: Any = cast("Any", channel).stream_stream(method)
    call = multi_callable(timeout=context.time_remaining(), metadata=_metadata_of(context, identity))
    writer = asyncio.create_task(_write_requests(call, requests, draining))
    try:
        while (response := await call.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]  # not in the stubs
            await context.write(response)
    except grpc.aio.AioRpcError as error:
        await _pass_error(error, context)
    except asyncio.CancelledError:
        raise _explain_cancellation() from None
    finally:
        writer.cancel()
        await asyncio.wait({writer})
        call.cancel()


async def _write_requests(call: Any, requests: AsyncIterator[bytes], draining: Draining) -> None:
    try:
        async with aclosing(draining.iterate_until_draining(requests)) as arrivals:
            async for request in arrivals:
                await call.write(request)
        await call.done_writing()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        pass  # the reader of the responses gets the error of the call
    except grpc.aio.InternalError:
        call.cancel()  # the caller has disconnected


def _metadata_of(context: Context, identity: Identity) -> list[tuple[str, str | bytes]]:
    passed = [
        (key, value)
        for key, value in context.invocation_metadata() or ()
        if not key.startswith((":", "grpc-")) and key not in _OWN_METADATA
    ]
    # Without it, the call of an anonymous caller would have the identity of this server.
    if identity.issuer == CERTIFICATE or identity is ANONYMOUS:
        passed.append((FORWARDED_IDENTITY, write_forwarded(identity)))
    return [*passed, (FORWARDED, "1")]


def _explain_cancellation() -> BaseException:
    """Return ConnectionLost if the channel was closed; otherwise the cancellation, because the caller has gone."""
    task = asyncio.current_task()
    return asyncio.CancelledError() if task is not None and task.cancelling() else ConnectionLost(LOST)


async def _pass_error(error: grpc.aio.AioRpcError, context: Context) -> NoReturn:
    trailing = tuple(cast("Any", error.trailing_metadata()) or ())
    names = {key for key, _ in trailing}
    if NOT_SERVING in names:
        raise NotServing from error
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED) and STATUS_DETAILS not in names:
        raise ConnectionLost(LOST) from error
    await context.abort(error.code(), error.details() or "", trailing)
