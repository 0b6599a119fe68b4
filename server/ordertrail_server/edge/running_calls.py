"""Counts running calls, so that a stopping server knows when it is idle."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager
from inspect import isasyncgenfunction
from typing import Any

from ordertrail_server.edge.gate import Context
from ordertrail_server.edge.rpc_handler import Handler
from ordertrail_server.edge.wrapped_handler import Behavior, wrap_handler

UNREAD_SECONDS = 1.0
"""How long a stopping server waits for callers to read the last answers."""
POLL_SECONDS = 0.05


class RunningCalls:
    """Counts the running calls. A call that only waits until its caller reads an answer does not count."""

    def __init__(self) -> None:
        self._count = self._started_count = 0

    def count_calls(self, handler: Handler) -> Handler:
        """Return the same handler, with its calls counted."""
        return wrap_handler(handler, self._count_unary, self._count_stream)

    async def wait_idle(self) -> None:
        """Wait until no call has run for UNREAD_SECONDS."""
        now = asyncio.get_running_loop().time
        started_count, since = self._started_count, now()
        while now() - since < UNREAD_SECONDS:
            await asyncio.sleep(POLL_SECONDS)
            if self._count or self._started_count != started_count:
                started_count, since = self._started_count, now()

    def _count_unary(self, answer: Behavior) -> Behavior:
        async def behavior(request: Any, context: Context) -> bytes:
            self._begin()
            try:
                response: bytes = await answer(request, context)
                return response
            finally:
                self._count -= 1

        return behavior

    def _count_stream(self, answers_of: Behavior) -> Behavior:
        if not isasyncgenfunction(answers_of):
            return self._count_writer(answers_of)

        async def behavior(request: Any, context: Context) -> AsyncGenerator[bytes, None]:
            with self._running():
                async with aclosing(answers_of(request, context)) as answers:
                    async for answer in answers:
                        with self.unread():
                            yield answer

        return behavior

    def _count_writer(self, write_answers: Behavior) -> Behavior:
        async def behavior(request: Any, context: Context) -> None:
            with self._running():
                await write_answers(request, _CountedContext(context, self.unread))

        return behavior

    @contextmanager
    def _running(self) -> Iterator[None]:
        self._begin()
        try:
            yield
        finally:
            self._count -= 1

    def _begin(self) -> None:
        self._count += 1
        self._started_count += 1

    @contextmanager
    def unread(self) -> Iterator[None]:
        """Exclude a call from the count while it waits until its caller reads."""
        self._count -= 1
        try:
            yield
        finally:
            self._count += 1
            self._started_count += 1


class _CountedContext:
    """The context of a call that writes its answers itself."""

    def __init__(self, context: Context, unread: Callable[[], AbstractContextManager[None]]) -> None:
        self._context, self._unread = context, unread

    async def write(self, answer: bytes) -> None:
        with self._unread():
            await self._context.write(answer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
