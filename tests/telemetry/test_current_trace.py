"""The trace of a call is known to its task and the tasks that this creates, and to no others."""

import asyncio

from ordertrail_server.telemetry.current_trace import CurrentTrace, find_current_trace, set_current_trace


async def answer(number: int) -> tuple[CurrentTrace | None, CurrentTrace | None]:
    """Return the trace before a call, and that of a task that the call creates."""
    before = find_current_trace()
    set_current_trace(CurrentTrace(f"{number:032x}", f"{number:016x}"))

    async def find() -> CurrentTrace | None:
        return find_current_trace()

    return before, await asyncio.create_task(find())


async def test_calls_do_not_see_the_traces_of_others() -> None:
    answers = await asyncio.gather(*[asyncio.create_task(answer(number)) for number in (1, 2)])
    assert answers == [(None, CurrentTrace(f"{number:032x}", f"{number:016x}")) for number in (1, 2)]
    assert find_current_trace() is None
