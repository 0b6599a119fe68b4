"""A caller with a deadline is answered before it, whatever keeps the log: at hand, in the queue, or in front of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
from tests.commands.running_handler import handler_of
from tests.commands.spec import TroubledLog, accepted, attempt_of, change, place, reason

from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.orders.refusal import Refused

BOUND_S = 60.0  # on what must happen, on however slow a machine


@pytest.fixture
def silent_log() -> TroubledLog:
    """A log that answers no append until it is let."""
    log = TroubledLog()
    log.answers.clear()
    return log


@pytest.fixture
async def handler(silent_log: TroubledLog, tmp_path: Path) -> AsyncIterator[CommandHandler]:
    """A handler with room for one waiting command."""
    handler = handler_of(silent_log, tmp_path / "state.sqlite", capacity=1)
    await handler.start()
    yield handler
    silent_log.answers.set()
    await handler.stop()


def due(attempt: Attempt) -> Attempt:
    """Return the attempt of a caller whose deadline is about to pass."""
    attempt.deadline = monotonic()
    return attempt


async def outcome_of(attempt: Attempt) -> str:
    async with asyncio.timeout(BOUND_S):
        return reason(await attempt.answer)


async def test_callers_past_their_deadline_are_answered_while_log_hangs(
    handler: CommandHandler, silent_log: TroubledLog
) -> None:
    at_hand, waiting, patient = (
        due(attempt_of(place())),
        due(attempt_of(change("change", 2))),
        attempt_of(place("more")),
    )
    handler.submit(at_hand)
    await silent_log.asked_to_append.wait()
    handler.submit(waiting)
    assert [await outcome_of(at_hand), await outcome_of(waiting)] == ["UNAVAILABLE"] * 2
    patient = attempt_of(change("patient", 3))
    handler.submit(patient)  # into the room of the one that was answered
    assert not patient.answer.done()
    silent_log.answers.set()
    async with asyncio.timeout(BOUND_S):
        assert accepted(await patient.answer).fact.version == 2


async def test_caller_that_waits_for_space_is_answered_at_its_deadline(
    handler: CommandHandler, silent_log: TroubledLog
) -> None:
    handler.submit(attempt_of(place()))
    await silent_log.asked_to_append.wait()
    handler.submit(attempt_of(change("change", 2)))
    with pytest.raises(Refused) as refused:
        async with asyncio.timeout(BOUND_S):
            await handler.submit_when_space(due(attempt_of(change("late", 3))))
    assert reason(refused.value.refusal) == "UNAVAILABLE"


async def test_caller_without_deadline_waits_for_space(handler: CommandHandler, silent_log: TroubledLog) -> None:
    handler.submit(attempt_of(place()))
    await silent_log.asked_to_append.wait()
    handler.submit(attempt_of(change("change", 2)))
    patient = attempt_of(change("patient", 3))
    submitting = asyncio.create_task(handler.submit_when_space(patient))
    silent_log.answers.set()
    async with asyncio.timeout(BOUND_S):
        await submitting
        assert accepted(await patient.answer).fact.version == 3
