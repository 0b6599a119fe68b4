"""Answers calls about subscriptions in the server that serves them, and forwards them to it from all others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import grpc

from ordertrail.v1 import subscription_service_pb2
from ordertrail.v1.error_reason_pb2 import ERROR_REASON_OVERLOADED, ERROR_REASON_UNAVAILABLE
from ordertrail_server.edge.admission import RequestAdmission
from ordertrail_server.edge.call_forward import (
    NOT_SERVING,
    ConnectionLost,
    NotServing,
    forward_call,
    forward_conversation,
    is_forwarded,
)
from ordertrail_server.edge.deadline import query_deadline
from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.gate import Context, Gate
from ordertrail_server.edge.leader_channel import LeaderChannel
from ordertrail_server.edge.rpc_handler import Handler, abort, refuse_after_request
from ordertrail_server.edge.served_term import ServedTerm
from ordertrail_server.edge.tls.certificate_files import CertificateFiles
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.subscriptions.kafka.pulse import Pulse

SERVICE = subscription_service_pb2.DESCRIPTOR.services_by_name["SubscriptionService"]
MAX_FORWARDED = 256
"""The most consumers whose calls a server forwards."""

NOT_SERVED = Refusal(ERROR_REASON_UNAVAILABLE, "No server serves subscriptions at present; retry shortly.")
TOO_MANY = Refusal(
    ERROR_REASON_OVERLOADED, f"The server forwards the calls of {MAX_FORWARDED} consumers, as many as it may."
)


class SubscriptionRouter:
    """Routes each call to this server or to another one; waits within the deadline while no server serves.

    `refusal` refuses all calls. `is_starting` is true if this server is about to serve. `on_change` is called whenever
    `can_answer` may have changed.
    """

    def __init__(
        self, gate: Gate, draining: Draining, admission: RequestAdmission, on_change: Callable[[], None]
    ) -> None:
        self.refusal: Refusal | None = None
        self.is_starting: Callable[[], bool] = lambda: False
        self._gate, self._draining, self._admission, self._on_change = gate, draining, admission, on_change
        self._term: ServedTerm | None = None
        self._leader: LeaderChannel | None = None
        self._forwarded_count = 0
        self._changed = asyncio.get_running_loop().create_future()

    @property
    def can_answer(self) -> bool:
        """True if calls are answered here, or forwarded."""
        is_served = self._term is not None or (self._leader is not None and self._leader.channel is not None)
        return self.refusal is None and is_served

    def follow(
        self, find_address: Callable[[], Awaitable[str]], own_address: str, files: CertificateFiles | None
    ) -> Coroutine[Any, Any, None]:
        """Return the work that finds the serving server, to be run as long as the server runs."""
        self._leader = LeaderChannel(find_address, own_address, files, self.note_change)
        return self._leader.watch()

    def serve(
        self, handlers: dict[str, Handler], draining: Draining, pulse: Pulse, stop_work: Callable[[], Awaitable[None]]
    ) -> ServedTerm:
        """Answer calls by these handlers, until the term is drained or ended. `draining` ends the handlers' streams."""
        self._term = ServedTerm(handlers, draining, pulse, stop_work, self._forget)
        self.note_change()
        return self._term

    def note_change(self) -> None:
        """Let waiting calls look again where they are answered."""
        changed, self._changed = self._changed, asyncio.get_running_loop().create_future()
        changed.set_result(None)
        self._on_change()

    def handlers(self) -> dict[str, Handler]:
        """Return a handler of each rpc of the service."""
        return {method.name: self._handler_of(method.name, method.client_streaming) for method in SERVICE.methods}

    def _forget(self, term: ServedTerm) -> None:
        if self._term is term:
            self._term = None
            self.note_change()

    def _handler_of(self, name: str, is_stream: bool) -> Handler:
        path = f"/{SERVICE.full_name}/{name}"

        async def answer(request: bytes, context: Context) -> bytes:
            return await self._answer(name, path, request, context)

        async def converse(requests: AsyncIterator[bytes], context: Context) -> None:
            await self._converse(name, path, requests, context)

        if is_stream:
            return grpc.stream_stream_rpc_method_handler(converse)
        return grpc.unary_unary_rpc_method_handler(answer)

    async def _answer(self, name: str, path: str, request: bytes, context: Context) -> bytes:
        try:
            permit = await self._gate.rpc(SERVICE.full_name, name).admit(context, request)
            deadline = query_deadline(context.time_remaining())
            while True:
                route = await self._find_route(deadline, context)
                if isinstance(route, ServedTerm):
                    answer: bytes = await route.run(name, request, context)
                    return answer
                size = self._admission.reserve(request)
                try:
                    response: bytes = await self._forward(forward_call(route, path, request, context, permit.identity))
                    return response
                except NotServing:
                    await self._wait_for_change(deadline)
                finally:
                    self._admission.release(size)
        except Exception as error:  # every failure becomes a typed status
            await abort(context, error)

    async def _converse(self, name: str, path: str, requests: AsyncIterator[bytes], context: Context) -> None:
        try:
            async with refuse_after_request(requests):
                permit = await self._gate.rpc(SERVICE.full_name, name).admit(context)
                route = await self._find_route(query_deadline(context.time_remaining()), context)
                if not isinstance(route, ServedTerm) and self._forwarded_count >= MAX_FORWARDED:
                    raise Refused(TOO_MANY)
            if isinstance(route, ServedTerm):
                await route.run(name, requests, context)
                return
            self._forwarded_count += 1
            try:
                call = forward_conversation(route, path, requests, context, permit.identity, self._draining)
                await self._forward(call)
            except NotServing:
                raise Refused(NOT_SERVED) from None
            finally:
                self._forwarded_count -= 1
        except Exception as error:  # every failure becomes a typed status
            await abort(context, error)

    async def _forward(self, call: Awaitable[Any]) -> Any:
        assert self._leader is not None
        self._leader.user_count += 1
        try:
            return await call
        except (NotServing, ConnectionLost):
            self._leader.doubt()
            raise
        finally:
            self._leader.user_count -= 1

    async def _find_route(self, deadline: float, context: Context) -> ServedTerm | grpc.aio.Channel:
        """Return where a call is answered. Raises Refused if no server serves before the deadline (loop's clock)."""
        while True:
            if self.refusal is not None:
                raise Refused(self.refusal)
            if self._term is not None:
                return self._term
            if is_forwarded(context):
                if not self.is_starting():
                    await context.abort(grpc.StatusCode.UNAVAILABLE, NOT_SERVED.message, ((NOT_SERVING, "1"),))
            elif self._leader is not None:
                channel = await self._leader.connect()
                if channel is not None:
                    return channel
            await self._wait_for_change(deadline)

    async def _wait_for_change(self, deadline: float) -> None:
        remaining = deadline - asyncio.get_running_loop().time()
        if remaining <= 0 or self._draining.has_begun:
            raise Refused(NOT_SERVED)
        if self._leader is None:
            await self._draining.wait_until_done_or_draining(self._changed, remaining)
            return
        self._leader.doubt()
        self._leader.user_count += 1
        try:
            await self._draining.wait_until_done_or_draining(self._changed, min(remaining, 0.25))
        finally:
            self._leader.user_count -= 1
