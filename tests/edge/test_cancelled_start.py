"""A server whose start is cancelled stops without an error of the gRPC library."""

import asyncio
from contextlib import suppress

import pytest

from ordertrail_server.edge.gate import Gate
from ordertrail_server.edge.server import Server

MIB = 1024 * 1024


@pytest.mark.parametrize("step_count", range(8))
async def test_start_that_is_cancelled_after_any_step_logs_no_error(
    step_count: int, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(MIB, MIB, Gate())
    start = asyncio.create_task(server._start())
    for _ in range(step_count):
        await asyncio.sleep(0)
    start.cancel()
    with suppress(asyncio.CancelledError):
        await start
    await server.stop(0)
    assert caplog.messages == []
