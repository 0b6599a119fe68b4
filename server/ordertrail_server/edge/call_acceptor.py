"""A gRPC server that no path of a call can stop.

From 1.84 on, the library decodes the path of a call in the loop that accepts all calls. A path that is not UTF-8 raises
UnicodeDecodeError there, and the server stops listening for ever: one call of anybody is enough. Core compares the path
of a registered rpc as bytes, so this server registers all its rpcs, and accepts a call of any other path as one of an
unknown rpc, whatever its path.

It also refuses commands that would wait too long, before their requests are read. Both rely on private parts of the
library, which `tests/e2e/test_call_paths.py` and `tests/e2e/test_load_shedding.py` test.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from grpc._cython import cygrpc
from grpc.aio._server import Server

from ordertrail_server.edge.command_acceptors import CommandAcceptors
from ordertrail_server.edge.command_load import CommandLoad
from ordertrail_server.operator_error import OperatorError

_log = logging.getLogger(__name__)

# A path that no rpc has. The library answers UNIMPLEMENTED.
UNKNOWN_PATH = "/"
# How often a server checks whether the library still listens.
WATCH_SECONDS = 1.0


class ListeningFailed(OperatorError):
    """The gRPC library stopped listening by itself. The message says why."""


class CallAcceptor(cygrpc.AioServer):  # type: ignore[misc]  # the extension has no types
    """The library's server, with loops of its own for each registered rpc, and one for all other paths."""

    def __init__(self, options: Sequence[tuple[str, object]]) -> None:
        self._loop: asyncio.AbstractEventLoop = cygrpc.get_working_loop()
        super().__init__(self._loop, None, (), (), tuple(options), None)
        self._handlers: dict[str, Any] = {}
        self._commands: set[str] = set()
        self._load = CommandLoad()
        self._tasks: set[asyncio.Task[None]] = set()

    def add_registered_method_handlers(self, method_handlers: Mapping[str, Any]) -> None:
        """Serve the rpcs with these paths. Call it before the start."""
        super().add_registered_method_handlers(dict(method_handlers))
        self._handlers |= method_handlers

    def shed_commands(self, paths: Iterable[str]) -> None:
        """Refuse calls of these rpcs while they would wait too long: their handlers get None as the request."""
        self._commands |= set(paths)

    def _make_request_call_future(self, path: bytes | None) -> "asyncio.Task[None]":
        """Return a task that accepts calls until the server stops. The library calls it once for each rpc."""
        name = UNKNOWN_PATH if path is None else path.decode()
        resolver = cygrpc._MethodResolver([], self._handlers)
        request_call, handle = partial(self._next_call, path), partial(self._handle, name, resolver)
        if name not in self._commands:
            return self._loop.create_task(_accept_calls(request_call, handle))
        refuse = partial(self._refuse, self._handlers[name].unary_unary)
        acceptors = CommandAcceptors(self._load, request_call, self._time_remaining, handle, refuse)
        return self._loop.create_task(acceptors.run())

    async def _next_call(self, path: bytes | None) -> Any:
        while True:
            try:
                return await (self._request_call() if path is None else self._request_registered_call(path))
            except cygrpc._RequestCallError:
                if not self.is_running():
                    raise

    def _handle(self, name: str, resolver: Any, call: Any) -> "asyncio.Task[None]":
        work = cygrpc._handle_rpc(name, resolver, (), call, self._loop, False)
        return self._create_task(cygrpc._schedule_rpc_coro(work, call, self._loop, name))

    async def _refuse(self, behavior: Any, call: Any) -> None:
        # A task has context variables of its own. The library's function for it would double the time of a refusal.
        await self._create_task(_end_call(behavior(None, self._open_context(call))))

    def _time_remaining(self, call: Any) -> float | None:
        seconds: float | None = self._open_context(call).time_remaining()
        return seconds

    def _open_context(self, call: Any) -> Any:
        return cygrpc._ServicerContext(call, None, None, self._loop)

    def _create_task(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _accept_calls(request_call: Any, handle: Any) -> None:
    while True:
        handle(await request_call())


async def _end_call(work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except cygrpc.AbortError as error:
        error.__traceback__ = None  # its frames hold the call, and the call the error, which costs a garbage collection
    except Exception as error:  # the caller has disconnected
        _log.debug("a refusal could not be sent: %s", error)


class CallServer(Server):
    """`grpc.aio.Server` on a CallAcceptor. It serves registered rpcs only."""

    def __init__(self, options: Sequence[tuple[str, object]]) -> None:
        self._loop = cygrpc.get_working_loop()
        self._server = CallAcceptor(options)

    def shed_commands(self, paths: Iterable[str]) -> None:
        """Refuse calls of these rpcs while they would wait too long, as `CallAcceptor.shed_commands` does."""
        self._server.shed_commands(paths)

    async def raise_on_failure(self) -> None:
        """Wait until the server stops. Raises ListeningFailed if it stopped by itself."""
        try:
            while await self.wait_for_termination(WATCH_SECONDS):
                pass
        except Exception as error:
            raise ListeningFailed(f"the gRPC library has failed and listens no more, start again: {error!r}") from error
