"""Runs blocking work in threads, so that it does not block the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Thread
from typing import TypeVar, TypeVarTuple

from ordertrail_server.log.port import LogUnavailable

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")


async def run_in_daemon_thread(work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """Run `work` in a daemon thread and return its result. If the caller is cancelled, `work` still runs to its end.

    A process ends without waiting for it. `asyncio.to_thread` is unsuitable, because an event loop waits for all of its
    threads when it closes.
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


def call_with_limit(work: Callable[[], T], seconds: float) -> T:
    """Return the result of `work`, a call of a client that may never return. Raises TimeoutError after a time limit.

    The call then keeps a daemon thread. Two threads of librdkafka can wait for each other for ever, and every call that
    needs one of them too: https://github.com/confluentinc/librdkafka/issues/5476.
    """
    outcome = Future[T]()

    def run(outcome: Future[T]) -> None:
        try:
            outcome.set_result(work())
        except BaseException as raised:  # passed on to the caller
            outcome.set_exception(raised)

    Thread(target=run, args=(outcome,), name="call with a limit", daemon=True).start()
    try:
        return outcome.result(seconds)
    finally:
        del outcome  # else an exception would refer to itself, and keep what its frames refer to


async def run_in_pool(threads: ThreadPoolExecutor, work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """Run `work` in a thread of the pool and return its result. Raises LogUnavailable if the pool is shut down."""
    try:
        result = asyncio.get_running_loop().run_in_executor(threads, work, *arguments)
    except RuntimeError:  # the pool is shut down
        raise LogUnavailable("the log is closed") from None
    try:
        return await result
    finally:
        del result  # else an exception would refer to itself, and keep what its frames refer to
