"""The retry of a parked order returns the order if the read side or the write side still has it parked."""

from pathlib import Path

import pytest
from tests.commands.running_handler import build_handler
from tests.history.history_server import HistoryServer, build_placed, seal_record, serve_history
from tests.log.memory import MemoryLog
from tests.projections.log_builder import FUTURE

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_ORDER_NOT_PARKED
from ordertrail.v1.projection_service_pb2 import RetryParkedOrderRequest, RetryParkedOrderResponse
from ordertrail_server.edge.projection_service import ProjectionService
from ordertrail_server.history.freshness import Freshness
from ordertrail_server.log.port import Entry, Log
from ordertrail_server.orders.refusal import Refused

FAULT = "the record holds an event of number 99, which this release does not know"


async def retry_order(
    server: HistoryServer, log: Log, folded_count: int | None, state: Path
) -> RetryParkedOrderResponse:
    """Retry an order. The read side folds `folded_count` facts, the write side reads `log`."""

    async def retry(order_id: str) -> int | None:
        return folded_count

    handler = build_handler(log, state)
    await handler.start()
    freshness = Freshness(server.model, server.progress, server.log, (0,))
    service = ProjectionService(server.log, server.model, freshness, handler, retry)
    try:
        raw = await service.RetryParkedOrder(RetryParkedOrderRequest(order_id="o"), None)
    finally:
        await handler.stop()
    return RetryParkedOrderResponse.FromString(raw)


def append_unknown_event(log: MemoryLog) -> MemoryLog:
    """Return the log with one more fact of the order, which cannot be read."""
    longer = MemoryLog(identity=log.identity)
    longer.records[0].extend(log.records[0])
    longer.land(0, Entry("o", seal_record("o", 2, log.records[0][0].digest, FUTURE)))
    return longer


async def test_retry_reports_order_that_is_still_parked_for_commands(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        response = await retry_order(server, append_unknown_event(server.log), 1, tmp_path / "state.sqlite")
    assert response.taken_in_count == 1
    assert (response.order.order_id, response.order.reason) == ("o", FAULT)
    assert (response.order.version, response.order.waiting_count) == (1, 1)


async def test_retry_reports_no_order_if_it_is_not_parked_any_more(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        response = await retry_order(server, server.log, 1, tmp_path / "state.sqlite")
    assert (response.taken_in_count, response.HasField("order")) == (1, False)


async def test_retry_of_order_that_is_not_parked_is_refused(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        with pytest.raises(Refused) as error:
            await retry_order(server, server.log, None, tmp_path / "state.sqlite")
    assert error.value.refusal.reason == ERROR_REASON_ORDER_NOT_PARKED
