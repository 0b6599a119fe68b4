"""Appends of submissions that fail, and submissions of one command at once."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.commands.sample_requests import build_change_quantity, build_confirm_order, build_place_order
from tests.log.memory import MemoryLog
from tests.submissions.running_store import id_of, run_server

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_REQUEST_ID_REUSED, ERROR_REASON_UNAVAILABLE
from ordertrail_server.log.port import AppendUncertain, Entry, LogUnavailable
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.submissions import command_log
from ordertrail_server.submissions.command_index import State


class FailingLog(MemoryLog):
    """A log of commands whose first append fails. With `lands`, its messages are stored nevertheless."""

    def __init__(self, error: Exception, *, lands: bool) -> None:
        super().__init__()
        self._error: Exception | None = error
        self._lands = lands

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        error, self._error = self._error, None
        if error is None or self._lands:
            offsets = await super().append(partition, entries)
        if error is not None:
            raise error
        return offsets


@pytest.mark.parametrize("lands", [False, True])
@pytest.mark.parametrize("error", [AppendUncertain("?"), LogUnavailable("no")], ids=["uncertain", "unavailable"])
async def test_retry_after_a_failed_append_is_safe(
    error: Exception, lands: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_log, "BATCH", 2)  # the submission takes two appends
    log = MemoryLog()
    log._commands = FailingLog(error, lands=lands)
    requests = [build_place_order(), build_change_quantity("change", 7), build_confirm_order()]
    async with run_server(log, tmp_path) as server:
        refusals = await server.submit(*requests)
        assert [refusal.reason for refusal in refusals if isinstance(refusal, Refusal)] == [
            ERROR_REASON_UNAVAILABLE
        ] * 3
        commands = await server.decide(*requests)
    assert [command.state for command in commands] == [State.ACCEPTED] * 3


async def test_equal_submissions_at_once_are_stored_once(tmp_path: Path) -> None:
    log = MemoryLog()
    async with run_server(log, tmp_path) as server:
        submissions = [server.submit(build_place_order(), defer_decision=True) for _ in range(3)]
        results = [result for [result] in await asyncio.gather(*submissions)]
        assert len({id_of(result) for result in results}) == 1
        [refusal] = await server.submit(build_place_order(customer_id="another"), defer_decision=True)
    assert isinstance(refusal, Refusal)
    assert len(commands_of(log).records[0]) == 1


async def test_of_different_commands_with_one_request_id_at_once_one_is_stored(tmp_path: Path) -> None:
    log = MemoryLog()
    async with run_server(log, tmp_path) as server:
        requests = [build_place_order(customer_id=customer) for customer in ("first", "second")]
        submissions = [server.submit(request, defer_decision=True) for request in requests]
        [stored], [refusal] = await asyncio.gather(*submissions)
    assert not isinstance(stored, Refusal)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == ERROR_REASON_REQUEST_ID_REUSED
    assert len(commands_of(log).records[0]) == 1


def commands_of(log: MemoryLog) -> MemoryLog:
    assert isinstance(log.commands, MemoryLog)
    return log.commands
