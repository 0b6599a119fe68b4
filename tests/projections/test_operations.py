"""An operation on generations runs to its end, and costly calls are shared."""

import asyncio
from contextlib import suppress

import pytest

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.projections.operations import Operations
from ordertrail_server.projections.shared_call import SharedCall


class Steps:
    """An operation of two steps, with a pause between them, and the steps that were taken."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.has_begun, self.may_end = asyncio.Event(), asyncio.Event()

    async def take(self) -> int:
        self.taken.append("stop")
        self.has_begun.set()
        await self.may_end.wait()
        self.taken.append("start")
        return len(self.taken)


async def cancel(task: "asyncio.Task[int]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_operation_whose_caller_is_cancelled_runs_to_its_end_before_the_next_one() -> None:
    operations, first, second = Operations(), Steps(), Steps()
    caller = asyncio.create_task(operations.run(first.take))
    await first.has_begun.wait()
    await cancel(caller)
    next_caller = asyncio.create_task(operations.run(second.take))
    await asyncio.sleep(0)
    assert (first.taken, second.taken) == (["stop"], [])
    first.may_end.set()
    second.may_end.set()
    assert await next_caller == 2
    assert first.taken == ["stop", "start"]


async def test_operation_that_has_not_begun_is_cancelled_with_its_caller() -> None:
    operations, first, second = Operations(), Steps(), Steps()
    caller = asyncio.create_task(operations.run(first.take))
    await first.has_begun.wait()
    waiting = asyncio.create_task(operations.run(second.take))
    await asyncio.sleep(0)
    await cancel(waiting)
    first.may_end.set()
    assert await caller == 2
    assert second.taken == []


async def test_operation_on_a_full_disk_is_refused_as_unavailable() -> None:
    async def fail() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(Refused, match="No space left on device") as refused:
        await Operations().run(fail)
    assert refused.value.refusal.reason == ERROR_REASON_UNAVAILABLE


async def test_stop_ends_the_running_operation() -> None:
    operations, steps = Operations(), Steps()
    caller = asyncio.create_task(operations.run(steps.take))
    await steps.has_begun.wait()
    await operations.stop()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert steps.taken == ["stop"]


async def test_any_number_of_callers_cause_at_most_two_calls_each_begun_after_it_was_asked_for() -> None:
    begun_calls = 0
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def call() -> int:
        nonlocal begun_calls
        begun_calls += 1
        number = begun_calls
        has_begun.set()
        await may_end.wait()
        return number

    shared = SharedCall(call)
    early = [asyncio.create_task(shared.result()) for _ in range(100)]
    await has_begun.wait()
    late = [asyncio.create_task(shared.result()) for _ in range(100)]
    await asyncio.sleep(0)
    for caller in late[:50]:
        await cancel(caller)
    may_end.set()
    assert set(await asyncio.gather(*early)) == {1}
    assert set(await asyncio.gather(*late[50:])) == {2}
    assert await shared.result() == 3
