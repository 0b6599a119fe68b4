"""The calls about subscriptions that this server answers itself in one term."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.gate import Context
from ordertrail_server.edge.rpc_handler import Handler
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.subscriptions.kafka.holder import ENDED
from ordertrail_server.subscriptions.kafka.pulse import Pulse


class ServedTerm:
    """Runs calls with the term's handlers. `on_end` is called once no further calls may begin.

    Nothing is sent once the pulse has stopped. `stop_work` stops what works without a caller, as webhooks do.
    """

    def __init__(
        self,
        handlers: dict[str, Handler],
        draining: Draining,
        pulse: Pulse,
        stop_work: Callable[[], Awaitable[None]],
        on_end: Callable[["ServedTerm"], None],
    ) -> None:
        self._handlers, self._draining, self._pulse, self._on_end = handlers, draining, pulse, on_end
        self._stop_work: Callable[[], Awaitable[None]] | None = stop_work
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count, self._idle = 0, asyncio.Event()
        self._idle.set()

    async def run(self, name: str, request: Any, context: Context) -> Any:
        """Return what the handler of an rpc returns. Raises Refused if the term ends before.

        Raises CancelledError if the handler was cancelled while it sent a status.
        """
        handler: Any = self._handlers[name]
        behavior = handler.unary_unary or handler.stream_stream
        guarded = _GuardedContext(context, self._pulse)
        self._count += 1
        self._idle.clear()
        call = asyncio.ensure_future(behavior(request, guarded))
        try:
            await asyncio.wait({call, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if guarded.has_aborted:  # the library needs the error with which the handler ends
                await asyncio.wait({call})
        finally:
            call.cancel()
            await asyncio.wait({call})
            self._count -= 1
            if not self._count:
                self._idle.set()
        if call.cancelled() and guarded.has_aborted:  # its caller does not read the status, so reset the call
            raise asyncio.CancelledError
        if call.cancelled() or (self._pulse.has_stopped() and not guarded.has_aborted):
            raise Refused(ENDED)
        return call.result()

    def drain(self) -> None:
        """End the requests of consumers, and take no further calls."""
        self._draining.begin()
        self._on_end(self)

    async def wait_idle(self) -> None:
        """Wait until no call is running."""
        await self._idle.wait()

    async def stop_work(self) -> None:
        """Stop what works without a caller. A second call has no effect."""
        stop, self._stop_work = self._stop_work, None
        if stop is not None:
            await stop()

    def end(self) -> None:
        """End the remaining calls as unavailable, and take no further ones."""
        self._on_end(self)
        if not self._ended.done():
            self._ended.set_result(None)


class _GuardedContext:
    """The context of a call, which sends nothing once the pulse has stopped."""

    def __init__(self, context: Context, pulse: Pulse) -> None:
        self._context, self._pulse, self.has_aborted = context, pulse, False

    async def write(self, response: bytes) -> None:
        if self._pulse.has_stopped():
            raise Refused(ENDED)
        await self._context.write(response)

    async def abort(self, *arguments: Any) -> NoReturn:
        self.has_aborted = True
        await self._context.abort(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
