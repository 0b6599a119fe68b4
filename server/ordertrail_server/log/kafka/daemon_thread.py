"""Blocking work that must not keep a process from ending."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TypeVar, TypeVarTuple

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")


async def run_in_daemon_thread(work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """Run `work` in a daemon thread and return its result. If the caller is cancelled, `work` goes on unattended.

    A process ends without waiting for it. `asyncio.to_thread` is no alternative, because an event loop waits for all
    of its threads when it closes.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if outcome.cancelled():
            return
        if error is None:
            outcome.set_result(result)  # type: ignore[arg-type]  # T may be None
        else:
            outcome.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = work(*arguments)
        except BaseException as raised:  # passed on to the caller
            error = raised
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result, error)

    Thread(target=run, name=f"daemon of {work.__name__}", daemon=True).start()
    return await outcome
