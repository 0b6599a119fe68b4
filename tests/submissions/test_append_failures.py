"""A submission whose append fails is answered as unavailable, and a retry stores its commands in their order."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.commands.sample_requests import build_change_quantity, build_confirm_order, build_place_order
from tests.log.memory import MemoryLog
from tests.submissions.running_store import run_server

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
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
        found = await server.decide(*requests)
    assert [command.state for command in found] == [State.ACCEPTED] * 3
