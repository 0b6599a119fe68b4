"""Turns calls of services into gRPC handlers: bytes in, bytes out, and every failure a typed status."""

import logging
from asyncio import CancelledError, timeout
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing, suppress
from typing import Any, NoReturn, TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.command_queue import OVERLOADED
from ordertrail_server.commands.refusal_status import status_of
from ordertrail_server.edge.admission import BatchAdmission, RequestAdmission
from ordertrail_server.edge.batch_arrivals import BatchArrivals
from ordertrail_server.edge.batch_elements import split_batch
from ordertrail_server.edge.batch_subject import note_batch
from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.gate import Context, Permit, RpcGate
from ordertrail_server.edge.validation import BATCH_BYTES, COMMAND_BYTES, parse, refuse_oversized, validate
from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.orders.refusal import Refusal, Refused

_log = logging.getLogger(__name__)

M = TypeVar("M", bound=Message)
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

FIRST_REQUEST_S = 1.0
"""How long a refused stream waits for its first request."""

CODES = {code.value[0]: code for code in grpc.StatusCode}
_OVERLOADED = status_of(OVERLOADED)
FAULT = Refusal(reasons.ERROR_REASON_INTERNAL, "The server failed with an internal error; report it to the operator.")


def unary_handler(
    gate: RpcGate,
    kind: type[M],
    admission: RequestAdmission,
    handle: Callable[[M, Context, Permit], Awaitable[bytes]],
) -> Handler:
    """Return the handler of an rpc with one request and one response."""

    async def handle_raw(raw: bytes, context: Context, permit: Permit) -> bytes:
        return await handle(_parse_request(kind, raw), context, permit)

    return raw_handler(gate, admission, handle_raw)


def raw_handler(
    gate: RpcGate, admission: RequestAdmission, handle: Callable[[bytes, Context, Permit], Awaitable[bytes]]
) -> Handler:
    """Return the handler of an rpc with one request, which `handle` parses and checks, and one response."""

    async def behavior(raw: bytes | None, context: Context) -> bytes:
        if raw is None:  # the call was refused before its request was read
            await _abort(context, _OVERLOADED)
        # Context managers would take longer than the rest of this function.
        try:
            permit = await gate.admit(context, raw)
            size = admission.reserve(raw)
            try:
                return await handle(raw, context, permit)
            finally:
                admission.release(size)
        except Exception as error:  # every failure becomes a typed status
            await gate.gate.refusal_pause.wait_before(error, len(raw))
            await abort(context, error)

    return grpc.unary_unary_rpc_method_handler(behavior)


def stream_handler(
    gate: RpcGate, kind: type[M], handle: Callable[[M, Context, Permit], AsyncGenerator[bytes, None]]
) -> Handler:
    """Return the handler of an rpc with one request and a stream of responses."""

    async def behavior(raw: bytes, context: Context) -> None:
        try:
            async with (
                gate.open_stream(context, raw) as permit,
                aclosing(handle(_parse_request(kind, raw), context, permit)) as frames,
            ):
                async for frame in frames:
                    await context.write(frame)
        except Exception as error:  # every failure becomes a typed status
            await gate.gate.refusal_pause.wait_before(error, len(raw))
            await abort(context, error)

    return grpc.unary_stream_rpc_method_handler(behavior)


def batch_handler(
    gate: RpcGate,
    kind: type[Message],
    admission: BatchAdmission,
    draining: Draining,
    handle: Callable[[AsyncIterator[list[bytes]], Context, Permit], AsyncIterator[Message]],
) -> Handler:
    """Return the handler of an rpc with a stream of batches and a stream of answers.

    Draining ends the streams between two batches. Only the bounds of the batch are checked here; `handle` checks its
    elements.
    """

    async def requests(arrivals: BatchArrivals) -> AsyncIterator[list[bytes]]:
        while (batch := await arrivals.next()) is not None:
            refuse_oversized(batch, BATCH_BYTES)
            elements = split_batch(kind, batch)
            note_batch(elements)
            yield elements

    async def behavior(raw: AsyncIterator[bytes], context: Context) -> None:
        try:
            async with open_request_stream(gate, raw, context) as permit:
                with closing(BatchArrivals(raw, admission, draining)) as arrivals:
                    async for response in handle(requests(arrivals), context, permit):
                        await context.write(response.SerializeToString())
        except Exception as error:  # every failure becomes a typed status
            await abort(context, error)

    return grpc.stream_stream_rpc_method_handler(behavior)


def conversation_handler(
    gate: RpcGate,
    kind: type[M],
    draining: Draining,
    handle: Callable[[AsyncIterator[M], Permit], AsyncGenerator[bytes, None]],
) -> Handler:
    """Return the handler of an rpc with a stream of small requests and a stream of responses.

    Draining ends the requests, and `handle` then ends the call.
    """

    async def requests(raw: AsyncIterator[bytes]) -> AsyncGenerator[M, None]:
        async with aclosing(draining.iterate_until_draining(raw)) as arrivals:
            async for request in arrivals:
                yield _parse_request(kind, request)

    async def behavior(raw: AsyncIterator[bytes], context: Context) -> None:
        try:
            async with (
                open_request_stream(gate, raw, context) as permit,
                aclosing(requests(raw)) as arrivals,
                aclosing(handle(arrivals, permit)) as responses,
            ):
                async for response in responses:
                    await context.write(response)
        except Exception as error:  # every failure becomes a typed status
            await abort(context, error)

    return grpc.stream_stream_rpc_method_handler(behavior)


@asynccontextmanager
async def open_request_stream(gate: RpcGate, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[Permit]:
    """Provide the permit of a stream of requests. Raises Refused."""
    async with AsyncExitStack() as stack:
        try:
            async with refuse_after_request(requests):
                permit = await stack.enter_async_context(gate.open_stream(context))
        except Refused as refused:
            await gate.gate.refusal_pause.wait_before(refused, 0)
            raise
        yield permit


@asynccontextmanager
async def refuse_after_request(requests: AsyncIterator[bytes]) -> AsyncIterator[None]:
    """Let a refusal of a stream, raised in the body, wait a moment for the first request.

    A call that ends before its first request is INTERNAL for gRPC's Python client.
    """
    try:
        yield
    except Refused:
        with suppress(TimeoutError):
            async with timeout(FIRST_REQUEST_S):
                await anext(requests, None)
        raise


def _parse_request(kind: type[M], raw: bytes) -> M:
    request = parse(kind, raw, COMMAND_BYTES)
    validate(request)
    return request


def _refusal_of(error: Exception) -> Refusal:
    if isinstance(error, Refused):
        return error.refusal
    if isinstance(error, LogUnavailable):
        return Refusal(reasons.ERROR_REASON_UNAVAILABLE, "The server cannot read its log at present; retry shortly.")
    _log.error("a call failed with an internal error", exc_info=error)
    return FAULT


async def abort(context: Context, error: Exception) -> NoReturn:
    """End a call with the typed status of a failure, or without an answer if its caller has disconnected."""
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if isinstance(error, grpc.aio.InternalError):
        # The library cannot read from the call or write to it, because the caller has disconnected.
        _log.debug("a caller disconnected before the answer: %s", error)
        raise CancelledError from error
    await _abort(context, status_of(_refusal_of(error)))


async def _abort(context: Context, status: Status) -> NoReturn:
    details = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(CODES[status.code], status.message, details)
