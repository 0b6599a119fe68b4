"""A query that arrives before the projector has created a read model waits within its deadline."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.e2e.direct_call import open_channel_without_retries
from tests.e2e.refusals import catch_refusal, catch_refusal_if_any
from tests.e2e.rpcs import FILES, RPCS, build_request
from tests.e2e.running_server import RunningServer
from tests.process_freeze import freeze_process

# They concern the projections themselves, so they are answered at any time.
OPERATIONS = {
    "ListProjections",
    "RebuildProjection",
    "CompareGeneration",
    "PromoteGeneration",
    "DropGeneration",
    "ResumeProjection",
    "AuditProjections",
}
READS = [
    method.name
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    if service.name in ("OrderHistoryService", "ProjectionService")
    for method in service.methods
    if method.name not in OPERATIONS
]
ANSWERS = {None, "ORDER_NOT_FOUND", "ORDER_NOT_PARKED", "RECORD_NOT_FOUND"}
# It reads the log first, and needs no read model for a missing record.
FROM_LOG = "ExplainEvent"


@pytest.fixture
async def unprojected(server: RunningServer) -> AsyncIterator[RunningServer]:
    """A server on a new directory whose projector was stopped before it did anything."""
    server.spawn()
    async with asyncio.timeout(60):
        while not (projector := find_projector(server.pid)):  # noqa: ASYNC110 (no event reports a new process)
            await asyncio.sleep(0.005)
    freeze_process(projector)
    await asyncio.to_thread(server.wait_until_listening)
    yield server
    with suppress(ProcessLookupError):
        os.kill(projector, signal.SIGCONT)


def find_projector(pid: int) -> int | None:
    """Return the process id of a server's projector once it runs its program."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if b"ordertrail_server.projections.process" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    return None


async def test_query_waits_until_the_read_model_exists(unprojected: RunningServer) -> None:
    async with open_channel_without_retries(unprojected) as channel:
        tasks = [
            asyncio.create_task(
                catch_refusal_if_any(RPCS[name].call(channel, build_request(name).SerializeToString(), 60))
            )
            for name in READS
        ]
        calls = [
            RPCS[name].call(channel, build_request(name).SerializeToString(), 3) for name in READS if name != FROM_LOG
        ]
        for call_refusal in await asyncio.gather(*map(catch_refusal, calls)):
            assert (call_refusal.code.name, call_refusal.reason) == ("UNAVAILABLE", "UNAVAILABLE")
            assert call_refusal.message == "The read model does not exist yet."
        assert [task.done() for task in tasks] == [name == FROM_LOG for name in READS]
        os.kill(unprojected.projector, signal.SIGCONT)
        refusals = await asyncio.gather(*tasks)
    assert {None if call_refusal is None else call_refusal.reason for call_refusal in refusals} <= ANSWERS
    assert "WARNING" not in unprojected.stderr
    assert unprojected.stop() == 0
    assert unprojected.faults == []
