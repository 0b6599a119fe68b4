"""Calls that continue without their caller end with the webhooks."""

import asyncio

import pytest

from ordertrail_server.webhooks.detached_calls import DetachedCalls


async def test_call_without_its_caller_ends_when_they_are_closed() -> None:
    calls, begun, ended = DetachedCalls(), asyncio.Event(), asyncio.Event()

    async def wait_for_ever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    caller = asyncio.create_task(calls.run(wait_for_ever()))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert not ended.is_set()
    await calls.close()
    assert ended.is_set()
