"""A caller gets an answer by its deadline while the log hangs, whether its command is in flight, queued or neither."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
from tests.commands.faulty_log import FaultyLog
from tests.commands.running_handler import create_handler, project_once
from tests.commands.running_writer import require_accepted, require_refusal_reason
from tests.commands.sample_requests import build_change_quantity, build_place_order, prepare_attempt

from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.log.progress import Progress
from ordertrail_server.orders.refusal import Refused

BOUND_S = 60.0  # far above what any machine needs


@pytest.fixture
def hanging_log() -> FaultyLog:
    """A log that answers no append until `may_answer` is set."""
    log = FaultyLog()
    log.may_answer.clear()
    return log


@pytest.fixture
async def handler(hanging_log: FaultyLog, tmp_path: Path) -> AsyncIterator[CommandHandler]:
    """A handler with space for one queued command."""
    await project_once(hanging_log, tmp_path)
    handler = create_handler(hanging_log, tmp_path, Progress(), capacity=1)
    running = asyncio.create_task(handler.run())
    await handler.wait_until_ready()
    yield handler
    hanging_log.may_answer.set()
    await handler.stop()
    await running


def expire(attempt: Attempt) -> Attempt:
    """Return the attempt with a deadline that has just passed."""
    attempt.deadline = monotonic()
    return attempt


async def wait_for_outcome(attempt: Attempt) -> str:
    async with asyncio.timeout(BOUND_S):
        return require_refusal_reason(await attempt.answer)


async def test_callers_past_their_deadline_are_answered_while_log_hangs(
    handler: CommandHandler, hanging_log: FaultyLog
) -> None:
    in_flight, waiting = (
        expire(prepare_attempt(build_place_order())),
        expire(prepare_attempt(build_change_quantity("change", 2))),
    )
    handler.submit(in_flight)
    await hanging_log.append_started.wait()
    handler.submit(waiting)
    assert [await wait_for_outcome(in_flight), await wait_for_outcome(waiting)] == ["UNAVAILABLE"] * 2
    without_deadline = prepare_attempt(build_change_quantity("without deadline", 3))
    handler.submit(without_deadline)  # takes the space of the answered one
    assert not without_deadline.answer.done()
    hanging_log.may_answer.set()
    async with asyncio.timeout(BOUND_S):
        assert require_accepted(await without_deadline.answer).fact.version == 2


async def test_caller_that_waits_for_space_is_answered_at_its_deadline(
    handler: CommandHandler, hanging_log: FaultyLog
) -> None:
    handler.submit(prepare_attempt(build_place_order()))
    await hanging_log.append_started.wait()
    handler.submit(prepare_attempt(build_change_quantity("change", 2)))
    with pytest.raises(Refused) as error:
        async with asyncio.timeout(BOUND_S):
            await handler.submit_when_space(expire(prepare_attempt(build_change_quantity("late", 3))))
    assert require_refusal_reason(error.value.refusal) == "UNAVAILABLE"


async def test_caller_without_deadline_waits_for_space(handler: CommandHandler, hanging_log: FaultyLog) -> None:
    handler.submit(prepare_attempt(build_place_order()))
    await hanging_log.append_started.wait()
    handler.submit(prepare_attempt(build_change_quantity("change", 2)))
    without_deadline = prepare_attempt(build_change_quantity("without deadline", 3))
    submitting = asyncio.create_task(handler.submit_when_space(without_deadline))
    hanging_log.may_answer.set()
    async with asyncio.timeout(BOUND_S):
        await submitting
        assert require_accepted(await without_deadline.answer).fact.version == 3
