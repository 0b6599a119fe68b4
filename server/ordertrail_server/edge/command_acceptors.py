"""The loops that accept the commands of one rpc, and refuse those that would wait too long."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ordertrail_server.edge.command_load import CommandLoad

FEWEST, MOST = 16, 1_024
"""The numbers of loops. A loop accepts one call in a round of the event loop, and rounds are long under load.

So with few loops, calls wait where nobody sees them, in the library, until they are too old.
"""

Call = Any  # of the library, which has no types


class CommandAcceptors:
    """The loops of one rpc. While calls are refused there are more of them."""

    def __init__(
        self,
        load: CommandLoad,
        request_call: Callable[[], Awaitable[Call]],
        time_remaining: Callable[[Call], float | None],
        handle: Callable[[Call], "asyncio.Task[None]"],
        refuse: Callable[[Call], Awaitable[None]],
    ) -> None:
        """`request_call` waits for the next call. `handle` begins to answer a call, and `refuse` refuses one."""
        self._load, self._request_call, self._time_remaining = load, request_call, time_remaining
        self._handle, self._refuse = handle, refuse
        self._count = 0

    async def run(self) -> None:
        """Accept calls until `request_call` fails. Raises its error."""
        try:
            async with asyncio.TaskGroup() as loops:
                for _ in range(FEWEST):
                    self._begin_loop(loops)
        except BaseExceptionGroup as errors:  # the library expects one error
            raise errors.exceptions[0] from None

    def _begin_loop(self, loops: asyncio.TaskGroup) -> None:
        self._count += 1
        loops.create_task(self._accept(loops))

    async def _accept(self, loops: asyncio.TaskGroup) -> None:
        while True:
            if await self._take(await self._request_call()):
                if self._count > FEWEST:
                    self._count -= 1
                    return
            elif self._count < MOST:
                self._begin_loop(loops)
                self._begin_loop(loops)

    async def _take(self, call: Call) -> bool:
        """Begin to handle a call and return True, or refuse it and return False. Afterwards no loop keeps it."""
        if self._load.refuses(self._time_remaining(call)):
            await self._refuse(call)
            return False
        self._load.note_begin()
        self._handle(call).add_done_callback(self._load.note_end)
        return True
