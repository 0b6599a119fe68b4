"""A stream of events that survives lost connections: it resumes from its last token, without gaps or duplicates."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import grpc

from ordertrail.backoff import Backoff
from ordertrail.errors import OrderTrailError, Unavailable, from_rpc_error
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse

if TYPE_CHECKING:
    from ordertrail.v1.order_history_service_pb2_grpc import OrderHistoryServiceAsyncStub

__all__ = ["stream_frames"]


async def stream_frames(
    history: "OrderHistoryServiceAsyncStub", request: StreamOrderEventsRequest, *, silence: float, patience: float
) -> AsyncGenerator[StreamOrderEventsResponse, None]:
    """Yield each frame once.

    A stream with `follow` has no end; another ends after the last event. The connection counts as lost after `silence`
    seconds without a frame or heartbeat. Raises Unavailable when attempts have failed for `patience` seconds, and
    raises an error that no retry can fix at once.
    """
    request = _copy_of(request)
    backoff = Backoff(patience)
    while True:
        complete = False
        try:
            async with aclosing(_attempt(history, request, silence)) as attempt:
                async for frame in attempt:
                    backoff.reset()
                    if frame.resume_token:
                        request.resume_token = frame.resume_token
                    complete = _completes(request, frame, complete)
                    yield frame
            if complete:
                return
            cause: OrderTrailError = _stream_error("The server ended the stream early.")
        except TimeoutError:
            cause = _stream_error(f"The server sent no frame or heartbeat for {silence:g} seconds.")
        except grpc.aio.AioRpcError as error:
            cause = from_rpc_error(error)
        await backoff.wait(cause)


async def _attempt(
    history: "OrderHistoryServiceAsyncStub", request: StreamOrderEventsRequest, silence: float
) -> AsyncGenerator[StreamOrderEventsResponse, None]:
    call = history.StreamOrderEvents(_copy_of(request))
    try:
        while True:
            async with asyncio.timeout(silence):
                frame: Any = await call.read()
            if frame is grpc.aio.EOF:  # type: ignore[attr-defined]  # the stubs leave EOF out
                return
            yield frame
    finally:
        call.cancel()


def _completes(request: StreamOrderEventsRequest, frame: StreamOrderEventsResponse, before: bool) -> bool:
    """Return whether a stream that ends after this frame is complete; a stopping server ends streams early."""
    if request.follow:
        return False
    state = frame.WhichOneof("standing")
    return before if state is None and not frame.events else state == "caught_up"


def _stream_error(message: str) -> Unavailable:
    return Unavailable(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", message)


def _copy_of(request: StreamOrderEventsRequest) -> StreamOrderEventsRequest:
    copy = StreamOrderEventsRequest()
    copy.CopyFrom(request)
    return copy
