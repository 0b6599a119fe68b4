"""A query gets the error of a failed wait before its deadline, for any number of waits."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.edge.idle_projections import create_projection_service, query_history
from tests.history.history_server import HistoryServer, advance_clock, build_placed, serve_history
from tests.log.memory import MemoryLog

from ordertrail.v1.error_reason_pb2 import (
    ERROR_REASON_NOT_FRESH_YET,
    ERROR_REASON_RECORD_NOT_FOUND,
    ERROR_REASON_UNAVAILABLE,
    ErrorReason,
)
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest
from ordertrail.v1.projection_service_pb2 import ExplainEventRequest, RetryParkedOrderRequest
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.edge.deadline import WAITING_SHARE
from ordertrail_server.edge.history_service import HistoryService
from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.queried_projection import QueriedProjection
from ordertrail_server.log.port import Log, Logged
from ordertrail_server.orders.refusal import Refused

DEADLINE_S = 100.0


class Services:
    """The query services of a history server's read model and a log."""

    def __init__(self, server: HistoryServer, log: Log, directory: Path) -> None:
        async def retry(order_id: str) -> None:
            """Return None: the order is not parked."""

        orders = QueriedProjection(
            server.orders_model, server.progress, Freshness(server.orders_model, server.progress, log, (0,))
        )
        self.history = HistoryService(orders, query_history(server, log), orders, None, server.recency)
        self.projection = create_projection_service(server, log, directory, retry)


async def catch_refusal_reason(answer: Awaitable[object]) -> ErrorReason.ValueType:
    """Return the reason of a call's refusal. Fails if the call is not refused within its deadline."""
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(Refused) as error:
            await answer
    return error.value.refusal.reason


async def stream_from_now(services: Services, token: str) -> None:
    request = StreamOrderEventsRequest(now=True, at_least_as_fresh=[token])
    async for _ in services.history.StreamOrderEvents(request, EVERYTHING, DEADLINE_S):
        pass


async def retry_parked_order(services: Services, token: str) -> None:
    await services.projection.RetryParkedOrder(RetryParkedOrderRequest(order_id="o"), EVERYTHING, DEADLINE_S)


class SlowLog(MemoryLog):
    """Takes nearly all of a call's time to return its end."""

    async def end(self, partition: int, at_least: int = 0) -> int:
        advance_clock(WAITING_SHARE * DEADLINE_S - 0.1)
        return await super().end(partition, at_least)


@pytest.mark.parametrize("call", [stream_from_now, retry_parked_order])
async def test_all_waits_of_a_call_share_its_deadline(
    tmp_path: Path, call: Callable[[Services, str], Awaitable[None]]
) -> None:
    async with serve_history(tmp_path) as server:
        await server.project()
        token, log = server.record("o", build_placed("p")), SlowLog()
        log.records = server.log.records  # of which the last is never projected
        assert await catch_refusal_reason(call(Services(server, log, tmp_path), token)) == ERROR_REASON_NOT_FRESH_YET


class FrozenLog(MemoryLog):
    """Never returns records. Returns its end only if `ends` is given."""

    def __init__(self, ends: int | None) -> None:
        super().__init__()
        self._ends = ends

    async def end(self, partition: int, at_least: int = 0) -> int:
        return await asyncio.Event().wait() if self._ends is None else self._ends

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        await asyncio.Event().wait()
        return []


@pytest.mark.parametrize("ends", [None, 1])
async def test_explain_is_unavailable_if_log_does_not_answer(tmp_path: Path, ends: int | None) -> None:
    async with serve_history(tmp_path) as server:
        await server.project()
        refusal_task = asyncio.ensure_future(
            catch_refusal_reason(
                Services(server, FrozenLog(ends), tmp_path).projection.ExplainEvent(
                    ExplainEventRequest(), EVERYTHING, DEADLINE_S
                )
            )
        )
        await asyncio.sleep(0)
        advance_clock(WAITING_SHARE * DEADLINE_S)
        assert await refusal_task == ERROR_REASON_UNAVAILABLE


class GappedLog(MemoryLog):
    """Has no record at offset 0, like a log whose first offset is a transaction marker."""

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        return [logged for logged in self.records[0] if logged.offset >= offset][:limit]


async def test_explain_refuses_offset_without_record(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        server.record("o", build_placed("p"))
        await server.project()
        log = GappedLog()
        log.records = [server.log.records[0][1:]]
        answer = Services(server, log, tmp_path).projection.ExplainEvent(
            ExplainEventRequest(offset=0), EVERYTHING, DEADLINE_S
        )
        assert await catch_refusal_reason(answer) == ERROR_REASON_RECORD_NOT_FOUND
