"""A stream resumes from a token of another server, which may have seen more of the log."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.history.history_server import HistoryServer, build_confirmed, build_placed, serve_history
from tests.log.memory import MemoryLog

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest, StreamOrderEventsResponse
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.edge.history_service import HistoryService
from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.log.token import write_token
from ordertrail_server.orders.refusal import Refused


class StaleLog(MemoryLog):
    """Reports an older end than it has for the first `times` queries; its ends may be stale for a minute."""

    def __init__(self, server: HistoryServer, times: int) -> None:
        super().__init__(identity=server.log.identity)
        self.capabilities = replace(self.capabilities, max_end_staleness_seconds=60.0)
        self.records, self._times = server.log.records, times

    async def end(self, partition: int, at_least: int = 0) -> int:
        self._times -= 1
        return await super().end(partition, at_least) - (self._times >= 0)


def serve_with_log(log: MemoryLog, server: HistoryServer, least: int = 0) -> HistoryService:
    return server.build_service(server.progress, log=log, ends_at_start=(least,))


async def test_token_of_another_server_is_accepted_once_the_end_is_current(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        request = StreamOrderEventsRequest(resume_token=server.record("o", build_confirmed()))
        [frame] = [
            frame
            async for frame in serve_with_log(StaleLog(server, times=2), server).StreamOrderEvents(
                request, EVERYTHING, None
            )
        ]
        assert StreamOrderEventsResponse.FromString(frame).resume_token == request.resume_token


async def test_token_beyond_a_stale_end_is_refused_within_the_deadline(
    tmp_path: Path,
) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        request = StreamOrderEventsRequest(resume_token=write_token(server.log.identity, {0: 2}))
        async with asyncio.timeout(30):
            with pytest.raises(Refused) as error:
                await anext(
                    serve_with_log(StaleLog(server, times=0), server).StreamOrderEvents(request, EVERYTHING, 0.3)
                )
        assert error.value.refusal.reason == ErrorReason.ERROR_REASON_INVALID_TOKEN


class UnavailableLog(MemoryLog):
    async def end(self, partition: int, at_least: int = 0) -> int:
        raise LogUnavailable


async def test_token_within_the_ends_at_start_causes_no_query_of_the_log(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        request = StreamOrderEventsRequest(resume_token=server.record("o", build_placed("p")))
        first = asyncio.ensure_future(
            anext(serve_with_log(UnavailableLog(), server, least=1).StreamOrderEvents(request, EVERYTHING, None))
        )
        await asyncio.sleep(0)
        await server.project()
        assert StreamOrderEventsResponse.FromString(await first).resume_token == request.resume_token
