"""Refusals of calls beyond a caller's limits wait, as far as memory allows, and no others."""

import asyncio

import pytest

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_CALLER_LIMIT, ERROR_REASON_PERMISSION_DENIED
from ordertrail_server.edge import refusal_pause
from ordertrail_server.edge.refusal_pause import MAX_PAUSED, MAX_PAUSED_BYTES, RefusalPause
from ordertrail_server.orders.refusal import Refusal, Refused

BEYOND_LIMITS = Refused(Refusal(ERROR_REASON_CALLER_LIMIT, "You may run 5 commands a second."))
DENIED = Refused(Refusal(ERROR_REASON_PERMISSION_DENIED, "You may not call GetOrder."))


async def start(pause: RefusalPause, error: Exception, size: int = 1) -> "asyncio.Task[None]":
    task = asyncio.create_task(pause.wait_before(error, size))
    await asyncio.sleep(0)
    return task


async def test_only_refusal_beyond_the_limits_waits() -> None:
    pause = RefusalPause()
    for error in (DENIED, ValueError("a defect")):
        assert (await start(pause, error)).done()
    task = await start(pause, BEYOND_LIMITS)
    assert not task.done()
    await task


@pytest.mark.parametrize(("count", "size"), [(MAX_PAUSED, 1), (1, MAX_PAUSED_BYTES)])
async def test_waiting_refusals_are_bounded_also_if_their_callers_disconnect(
    monkeypatch: pytest.MonkeyPatch, count: int, size: int
) -> None:
    monkeypatch.setattr(refusal_pause, "PAUSE_SECONDS", 60.0)
    pause = RefusalPause()
    waiting = [await start(pause, BEYOND_LIMITS, size) for _ in range(count)]
    assert (await start(pause, BEYOND_LIMITS)).done()
    waiting[0].cancel()
    await asyncio.wait({waiting[0]})
    waiting.append(await start(pause, BEYOND_LIMITS))
    assert not any(task.done() for task in waiting[1:])
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
