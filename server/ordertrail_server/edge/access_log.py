"""The access log: one line for each call, also for refused ones."""

import logging
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

import grpc

from ordertrail_server.edge.call_code import code_of
from ordertrail_server.edge.gate import Context
from ordertrail_server.edge.rpc_handler import Handler
from ordertrail_server.edge.wrapped_handler import Behavior, wrap_handler
from ordertrail_server.logs.call_fields import name_fields, read_actor

_log = logging.getLogger("ordertrail_server.access")


def log_calls(handler: Handler) -> Handler:
    """Return the same handler, and log each of its calls when it ends. The call's own fields name its subject."""
    return wrap_handler(handler, _log_unary, _log_stream)


def enable_access_log() -> None:
    """Write the lines whatever the least level of other ones is."""
    _log.setLevel(logging.INFO)


def _log_unary(answer: Behavior) -> Behavior:
    async def behavior(request: Any, context: Context) -> Any:
        begin, code, sent_count = perf_counter(), grpc.StatusCode.OK, 0
        try:
            response = await answer(request, context)
            sent_count = 1
            return response
        except BaseException as error:
            code = code_of(error, context)
            raise
        finally:
            _log_end(code, begin, int(request is not None), sent_count)

    return behavior


def _log_stream(write_answers: Behavior) -> Behavior:
    async def behavior(request: Any, context: Context) -> None:
        begin, code = perf_counter(), grpc.StatusCode.OK
        requests, counted = _CountedRequests(request), _CountedContext(context)
        try:
            await write_answers(requests.values, counted)
        except BaseException as error:
            code = code_of(error, context)
            raise
        finally:
            _log_end(code, begin, requests.count, counted.count)

    return behavior


def _log_end(code: grpc.StatusCode, begin: float, received_count: int, sent_count: int) -> None:
    fields = name_fields(
        actor=read_actor(),
        code=code.name,
        received=received_count,
        sent=sent_count,
        duration_ms=round(1_000 * (perf_counter() - begin), 3),
    )
    _log.info("call", extra=fields)


class _CountedRequests:
    """The request of a call, or its stream of requests."""

    def __init__(self, request: Any) -> None:
        self.count = 0
        self.values: Any = request
        if isinstance(request, bytes):
            self.count = 1
        else:
            self.values = self._count_each(request)

    async def _count_each(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for request in requests:
            self.count += 1
            yield request


class _CountedContext:
    """The context of a call that writes its answers itself."""

    def __init__(self, context: Context) -> None:
        self._context, self.count = context, 0

    async def write(self, answer: bytes) -> None:
        await self._context.write(answer)
        self.count += 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
