"""A caller gets an answer by its deadline while the log hangs, whether its command is in flight, queued or neither."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
from tests.commands.running_handler import handler_of
from tests.commands.spec import FaultyLog, accepted, attempt_of, change, place, reason

from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.handler import CommandHandler
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
    handler = handler_of(hanging_log, tmp_path / "state.sqlite", capacity=1)
    await handler.start()
    yield handler
    hanging_log.may_answer.set()
    await handler.stop()


def expire(attempt: Attempt) -> Attempt:
    """Return the attempt with a deadline that has just passed."""
    attempt.deadline = monotonic()
    return attempt


async def outcome_of(attempt: Attempt) -> str:
    async with asyncio.timeout(BOUND_S):
        return reason(await attempt.answer)


async def test_callers_past_their_deadline_are_answered_while_log_hangs(
    handler: CommandHandler, hanging_log: FaultyLog
) -> None:
    in_flight, waiting = expire(attempt_of(place())), expire(attempt_of(change("change", 2)))
    handler.submit(in_flight)
    await hanging_log.append_started.wait()
    handler.submit(waiting)
    assert [await outcome_of(in_flight), await outcome_of(waiting)] == ["UNAVAILABLE"] * 2
    without_deadline = attempt_of(change("without deadline", 3))
    handler.submit(without_deadline)  # takes the space of the answered one
    assert not without_deadline.answer.done()
    hanging_log.may_answer.set()
    async with asyncio.timeout(BOUND_S):
        assert accepted(await without_deadline.answer).fact.version == 2


async def test_caller_that_waits_for_space_is_answered_at_its_deadline(
    handler: CommandHandler, hanging_log: FaultyLog
) -> None:
    handler.submit(attempt_of(place()))
    await hanging_log.append_started.wait()
    handler.submit(attempt_of(change("change", 2)))
    with pytest.raises(Refused) as refused:
        async with asyncio.timeout(BOUND_S):
            await handler.submit_when_space(expire(attempt_of(change("late", 3))))
    assert reason(refused.value.refusal) == "UNAVAILABLE"


async def test_caller_without_deadline_waits_for_space(handler: CommandHandler, hanging_log: FaultyLog) -> None:
    handler.submit(attempt_of(place()))
    await hanging_log.append_started.wait()
    handler.submit(attempt_of(change("change", 2)))
    without_deadline = attempt_of(change("without deadline", 3))
    submitting = asyncio.create_task(handler.submit_when_space(without_deadline))
    hanging_log.may_answer.set()
    async with asyncio.timeout(BOUND_S):
        await submitting
        assert accepted(await without_deadline.answer).fact.version == 3
