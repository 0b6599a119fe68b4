"""Runs a server until a signal: starts it, again while the log is unavailable, and closes it."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from ordertrail_server.edge.address import Address
from ordertrail_server.garbage_collector import tune_garbage_collector
from ordertrail_server.log.kafka.broker_wait import BrokerWait
from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.schema.proof.schema_check import check_schema
from ordertrail_server.service import Service
from ordertrail_server.settings import Settings
from ordertrail_server.telemetry.process_tracing import start_tracing, stop_tracing

RETRY_SECONDS = 0.5
"""The pause between two attempts to start while the brokers are unavailable."""

T = TypeVar("T")

# The GIL's switch interval. A thread that appends or reads takes the GIL several times, and each time it may wait this
# long for a busy event loop. Measured: with Python's default of 5 ms, the p50 of a call beside a stream of batches was
# twice as long; with 0.1 ms, 32 callers of unary commands had 14 % less throughput.
SWITCH_INTERVAL_S = 0.0005


async def serve(settings: Settings, ready: Callable[[Address], None]) -> None:
    """Serve until SIGTERM or SIGINT, which also end a start. `ready` gets the address once the server listens.

    Raises OperatorError, OSError, and sqlite3.Error for a full disk.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    check_schema(settings.allow_unlocked_schema)
    brokers = BrokerWait(settings.broker_wait_seconds if settings.log == "kafka" else 0.0)
    start_tracing()
    try:
        while not stop.is_set() and not await _serve_once(settings, ready, stop, brokers):
            await _run_until(stop, asyncio.sleep(RETRY_SECONDS))
    finally:
        stop_tracing()  # nothing else runs any more


async def _serve_once(
    settings: Settings, ready: Callable[[Address], None], stop: asyncio.Event, brokers: BrokerWait
) -> bool:
    """Serve until `stop` is set. Return False if the log was unavailable at the start, so the start can be retried."""
    async with AsyncExitStack() as exit_stack:
        service = Service(settings, exit_stack, brokers.next_timeout())
        try:
            address = await _run_until(stop, service.start())
        except LogUnavailable as error:
            brokers.check_deadline(error)
            return False
        if address is not None:
            tune_garbage_collector()
            sys.setswitchinterval(SWITCH_INTERVAL_S)
            ready(address)
            await _run_until(stop, service.wait_failed())
        service.expect_stop()
    return True


async def _run_until(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Return the result of `work`. If `stop` is set first, cancel `work`, wait until it has ended, and return None."""
    stop_task, work_task = asyncio.create_task(stop.wait()), asyncio.create_task(work)
    await asyncio.wait({stop_task, work_task}, return_when=asyncio.FIRST_COMPLETED)
    stop_task.cancel()
    if not work_task.done():
        work_task.cancel()
        await asyncio.wait({work_task})
    return None if work_task.cancelled() else work_task.result()
