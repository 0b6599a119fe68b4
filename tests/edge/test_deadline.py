"""A question that waits in vain is answered before its deadline, however many things it waits for."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.history.shop import Shop, later, placed, shop_in
from tests.log.memory import MemoryLog

from ordertrail.v1.error_reason_pb2 import (
    ERROR_REASON_NOT_FRESH_YET,
    ERROR_REASON_RECORD_NOT_FOUND,
    ERROR_REASON_UNAVAILABLE,
    ErrorReason,
)
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest
from ordertrail.v1.projection_service_pb2 import ExplainEventRequest, RetryParkedOrderRequest
from ordertrail_server.edge.deadline import WAITING_SHARE
from ordertrail_server.edge.history_service import HistoryService
from ordertrail_server.edge.projection_service import ProjectionService
from ordertrail_server.history.freshness import Freshness
from ordertrail_server.log.port import Log, Logged
from ordertrail_server.orders.refusal import Refused

DEADLINE_S = 100.0


class Services:
    """What answers questions from a shop's read model and a log."""

    def __init__(self, shop: Shop, log: Log) -> None:
        async def retry(order_id: str) -> None:
            """Find the order not parked."""

        freshness = Freshness(shop.model, shop.progress, log, (0,))
        self.history = HistoryService(shop.model, shop.progress, freshness, shop.recency)
        self.projection = ProjectionService(log, shop.model, freshness, None, retry)


async def refused(answer: Awaitable[object]) -> ErrorReason.ValueType:
    """Return why a call was refused; it is, within its deadline."""
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(Refused) as why:
            await answer
    return why.value.refusal.reason


async def a_stream_from_now(services: Services, token: str) -> None:
    request = StreamOrderEventsRequest(now=True, at_least_as_fresh=[token])
    async for _ in services.history.StreamOrderEvents(request, DEADLINE_S):
        pass


async def a_retry(services: Services, token: str) -> None:
    await services.projection.RetryParkedOrder(RetryParkedOrderRequest(order_id="o"), DEADLINE_S)


class Slow(MemoryLog):
    """Takes nearly all of a call's time to say where it ends."""

    async def end(self, partition: int, known_end: int = 0) -> int:
        later(WAITING_SHARE * DEADLINE_S - 0.1)
        return await super().end(partition, known_end)


@pytest.mark.parametrize("ask", [a_stream_from_now, a_retry])
async def test_what_the_log_takes_to_tell_its_end_is_no_more_there_for_waiting(
    tmp_path: Path, ask: Callable[[Services, str], Awaitable[None]]
) -> None:
    async with shop_in(tmp_path) as shop:
        await shop.project()
        token, log = shop.record("o", placed("p")), Slow()
        log.records = shop.log.records  # of which the last is never projected
        assert await refused(ask(Services(shop, log), token)) == ERROR_REASON_NOT_FRESH_YET


class Frozen(MemoryLog):
    """Does not answer; where it `ends` somewhere, it still says where."""

    def __init__(self, ends: int | None) -> None:
        super().__init__()
        self._ends = ends

    async def end(self, partition: int, known_end: int = 0) -> int:
        return await asyncio.Event().wait() if self._ends is None else self._ends

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        await asyncio.Event().wait()
        return []


@pytest.mark.parametrize("ends", [None, 1])
async def test_a_record_that_the_log_does_not_give_is_unavailable(tmp_path: Path, ends: int | None) -> None:
    async with shop_in(tmp_path) as shop:
        await shop.project()
        asking = asyncio.ensure_future(
            refused(Services(shop, Frozen(ends)).projection.ExplainEvent(ExplainEventRequest(), DEADLINE_S))
        )
        await asyncio.sleep(0)
        later(WAITING_SHARE * DEADLINE_S)
        assert await asking == ERROR_REASON_UNAVAILABLE


class Gapped(MemoryLog):
    """Its first record stands behind an offset that is no record's, as those of transactions' markers are."""

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        return [logged for logged in self.records[0] if logged.offset >= offset][:limit]


async def test_the_record_behind_an_offset_is_not_taken_for_the_one_there(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        shop.record("o", placed("p"))
        shop.record("o", placed("p"))
        await shop.project()
        log = Gapped()
        log.records = [shop.log.records[0][1:]]
        asked = Services(shop, log).projection.ExplainEvent(ExplainEventRequest(offset=0), DEADLINE_S)
        assert await refused(asked) == ERROR_REASON_RECORD_NOT_FOUND
