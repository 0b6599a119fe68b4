"""A gRPC server that no path of a call can stop.

From 1.84 on, the library decodes the path of a call in the loop that accepts all calls. A path that is not UTF-8 raises
UnicodeDecodeError there, and the server stops listening for ever: one call of anybody is enough. Core compares the path
of a registered rpc as bytes, so this server registers all its rpcs, and accepts a call of any other path as one of an
unknown rpc, whatever its path. It relies on private parts of the library, which `tests/e2e/test_call_paths.py` tests.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from grpc._cython import cygrpc
from grpc.aio._server import Server

from ordertrail_server.operator_error import OperatorError

# A path that no rpc has. The library answers UNIMPLEMENTED.
UNKNOWN_PATH = "/"
# How often a server checks whether the library still listens.
WATCH_SECONDS = 1.0


class ListeningFailed(OperatorError):
    """The gRPC library stopped listening by itself. The message says why."""


class CallAcceptor(cygrpc.AioServer):  # type: ignore[misc]  # the extension has no types
    """The library's server, with a loop of its own for each registered rpc, and one for all other paths."""

    def __init__(self, options: Sequence[tuple[str, object]]) -> None:
        super().__init__(cygrpc.get_working_loop(), None, (), (), tuple(options), None)
        self._handlers: dict[str, Any] = {}
        self._calls: set[asyncio.Task[None]] = set()

    def add_registered_method_handlers(self, method_handlers: Mapping[str, Any]) -> None:
        """Serve the rpcs with these paths. Call it before the start."""
        super().add_registered_method_handlers(dict(method_handlers))
        self._handlers |= method_handlers

    def _make_request_call_future(self, path: bytes | None) -> "asyncio.Task[None]":
        """Return a task that accepts calls until the server stops. The library calls it once for each rpc."""
        return asyncio.get_running_loop().create_task(self._accept_calls(path))

    async def _accept_calls(self, path: bytes | None) -> None:
        loop, name = asyncio.get_running_loop(), UNKNOWN_PATH if path is None else path.decode()
        resolver = cygrpc._MethodResolver([], self._handlers)
        while True:
            call = await (self._request_call() if path is None else self._request_registered_call(path))
            work = cygrpc._handle_rpc(name, resolver, (), call, loop, False)
            task = loop.create_task(cygrpc._schedule_rpc_coro(work, call, loop, name))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)


class CallServer(Server):
    """`grpc.aio.Server` on a CallAcceptor. It serves registered rpcs only."""

    def __init__(self, options: Sequence[tuple[str, object]]) -> None:
        self._loop = cygrpc.get_working_loop()
        self._server = CallAcceptor(options)

    async def raise_on_failure(self) -> None:
        """Wait until the server stops. Raises ListeningFailed if it stopped by itself."""
        try:
            while await self.wait_for_termination(WATCH_SECONDS):
                pass
        except Exception as error:
            raise ListeningFailed(f"the gRPC library has failed and listens no more, start again: {error!r}") from error
