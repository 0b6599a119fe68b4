"""A read that comes before the projector has begun a read model waits within its deadline."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.e2e.refusals import refusal, refusal_if_any
from tests.e2e.rpcs import FILES, RPCS, a_request
from tests.e2e.running_server import RunningServer
from tests.e2e.test_trouble import bare

READS = [
    method.name
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    if service.name in ("OrderHistoryService", "ProjectionService")
    for method in service.methods
]
ANSWERS = {None, "ORDER_NOT_FOUND", "ORDER_NOT_PARKED", "RECORD_NOT_FOUND"}
# It looks in the log first, and needs no read model for a record that is not there.
FROM_LOG = "ExplainEvent"


@pytest.fixture
async def early(server: RunningServer) -> AsyncIterator[RunningServer]:
    """A server on a new directory that listens, and whose projector was frozen before it did anything."""
    server.spawn()
    async with asyncio.timeout(60):
        while not (projector := projector_of(server.pid)):  # noqa: ASYNC110 (a new process is told to nobody)
            await asyncio.sleep(0.005)
    os.kill(projector, signal.SIGSTOP)
    await asyncio.to_thread(server.listening)
    yield server
    with suppress(ProcessLookupError):
        os.kill(projector, signal.SIGCONT)


def projector_of(pid: int) -> int | None:
    """Return the process of a server's projector, once it runs its program: before, its parent waits for that."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if b"ordertrail_server.projections.process" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    return None


async def test_read_waits_for_a_read_model_that_is_not_begun(early: RunningServer) -> None:
    async with bare(early) as channel:
        reading = [
            asyncio.create_task(refusal_if_any(RPCS[name].call(channel, a_request(name).SerializeToString(), 60)))
            for name in READS
        ]
        for name in set(READS) - {FROM_LOG}:
            told = await refusal(RPCS[name].call(channel, a_request(name).SerializeToString(), 0.5))
            assert (told.code.name, told.reason) == ("UNAVAILABLE", "UNAVAILABLE")
            assert told.message == "The read model is not begun yet."
        assert [task.done() for task in reading] == [name == FROM_LOG for name in READS]
        os.kill(early.projector, signal.SIGCONT)
        refused = await asyncio.gather(*reading)
    assert {None if each is None else each.reason for each in refused} <= ANSWERS
    assert "WARNING" not in early.stderr
    assert early.stop() == 0
    assert early.faults == []
