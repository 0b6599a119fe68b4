"""Watches a submitted command until it has an outcome, over lost connections and stopped servers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import grpc

from ordertrail.backoff import Backoff
from ordertrail.errors import OrderTrailError, Unavailable, from_rpc_error
from ordertrail.v1.submitted_commands_pb2 import SubmittedCommand, WatchCommandRequest

if TYPE_CHECKING:
    from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceAsyncStub

__all__ = ["watch_command"]


async def watch_command(
    commands: "OrderCommandServiceAsyncStub", request: WatchCommandRequest, *, silence: float, patience: float
) -> AsyncGenerator[SubmittedCommand, None]:
    """Yield each state of the command once, the outcome last.

    After `silence` seconds without an answer the command is watched again, because a lost connection may go unnoticed.
    Raises Unavailable when attempts have failed for `patience` seconds, and an error that no retry can fix at once.
    """
    backoff = Backoff(patience)
    last: SubmittedCommand | None = None
    while True:
        cause: OrderTrailError = _no_answer("The server ended the watch before the command had an outcome.")
        try:
            async with aclosing(_attempt(commands, request, silence)) as attempt:
                async for command in attempt:
                    backoff.reset()
                    if command != last:
                        last = command
                        yield command
                    if command.WhichOneof("outcome"):
                        return
        except TimeoutError:
            cause = _no_answer(f"The server did not answer within {silence:g} seconds.")
        except grpc.aio.AioRpcError as error:
            cause = from_rpc_error(error)
        await backoff.wait(cause)


async def _attempt(
    commands: "OrderCommandServiceAsyncStub", request: WatchCommandRequest, silence: float
) -> AsyncGenerator[SubmittedCommand, None]:
    call = commands.WatchCommand(request)
    try:
        while True:
            async with asyncio.timeout(silence):
                response: Any = await call.read()
            if response is grpc.aio.EOF:  # type: ignore[attr-defined]  # the stubs leave EOF out
                return
            yield response.command
    finally:
        call.cancel()


def _no_answer(message: str) -> Unavailable:
    return Unavailable(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", message)
