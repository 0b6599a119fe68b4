"""A command that arrives before the projection is complete waits for it, at most until its deadline."""

import asyncio
from collections.abc import AsyncIterator
from math import inf
from pathlib import Path
from time import monotonic

import pytest
from tests.history.history_server import advance_clock
from tests.log.memory import MemoryLog

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail_server.commands.handler import DEFAULT_WAIT_SECONDS, CommandHandler
from ordertrail_server.commands.projection_start import ProjectionStart
from ordertrail_server.log.progress import Progress
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine


class StartingHandler:
    """A running handler whose projection does not exist before `project`."""

    def __init__(self, directory: Path) -> None:
        self._log, self._directory = MemoryLog(), directory
        start = ProjectionStart(live_generation(directory, ORDERS), self._log, Progress())
        self.handler = CommandHandler(self._log, start, lambda: "id", on_append=lambda: None, capacity=10)

    async def project(self) -> None:
        engine = await open_engine(self._log, self._directory, [])
        await engine.catch_up()
        engine.close()


@pytest.fixture
async def starting(tmp_path: Path) -> AsyncIterator[StartingHandler]:
    starting = StartingHandler(tmp_path)
    running = asyncio.create_task(starting.handler.run())
    yield starting
    await starting.handler.stop(0)
    await running


async def assert_refused(wait: "asyncio.Task[None]") -> None:
    with pytest.raises(Refused) as error:
        await wait
    assert error.value.refusal.reason == ERROR_REASON_UNAVAILABLE
    assert "0 of 0 records are folded" in error.value.refusal.message


async def test_command_with_a_deadline_waits_longer_than_one_without(starting: StartingHandler) -> None:
    with_deadline = asyncio.create_task(starting.handler.wait_ready(monotonic() + 3 * DEFAULT_WAIT_SECONDS))
    without = asyncio.create_task(starting.handler.wait_ready(inf))
    await asyncio.sleep(0)
    advance_clock(DEFAULT_WAIT_SECONDS)
    await assert_refused(without)
    assert not with_deadline.done()
    advance_clock(2 * DEFAULT_WAIT_SECONDS)
    await assert_refused(with_deadline)


async def test_waiting_command_continues_once_the_projection_is_complete(starting: StartingHandler) -> None:
    wait = asyncio.create_task(starting.handler.wait_ready(monotonic() + 60))
    await asyncio.sleep(0)
    assert not wait.done()
    await starting.project()
    await wait
    assert starting.handler.is_ready
