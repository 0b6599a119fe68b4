"""The retry of a parked order returns the order if it is still parked."""

from pathlib import Path

import pytest
from tests.edge.idle_projections import create_projection_service
from tests.history.history_server import HistoryServer, build_placed, seal_record, serve_history
from tests.projections.log_builder import FUTURE

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_ORDER_NOT_PARKED
from ordertrail.v1.projection_service_pb2 import RetryParkedOrderRequest, RetryParkedOrderResponse
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.orders.refusal import Refused

FAULT = "the record holds an event of number 99, which this release does not know"


async def retry_order(server: HistoryServer, directory: Path, folded_count: int | None) -> RetryParkedOrderResponse:
    """Retry an order; the projector folds `folded_count` facts."""

    async def retry(order_id: str) -> int | None:
        return folded_count

    service = create_projection_service(server, server.log, directory, retry)
    raw = await service.RetryParkedOrder(RetryParkedOrderRequest(order_id="o"), EVERYTHING, None)
    return RetryParkedOrderResponse.FromString(raw)


async def test_retry_reports_order_that_is_still_parked(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        server.land("o", seal_record("o", 2, server.log.records[0][0].digest, FUTURE))
        await server.project()
        response = await retry_order(server, tmp_path, 1)
    assert response.taken_in_count == 1
    assert (response.order.order_id, response.order.reason) == ("o", FAULT)
    assert (response.order.version, response.order.waiting_count) == (1, 1)


async def test_retry_reports_no_order_if_it_is_not_parked_any_more(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        response = await retry_order(server, tmp_path, 1)
    assert (response.taken_in_count, response.HasField("order")) == (1, False)


async def test_retry_of_order_that_is_not_parked_is_refused(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        await server.project()
        with pytest.raises(Refused) as error:
            await retry_order(server, tmp_path, None)
    assert error.value.refusal.reason == ERROR_REASON_ORDER_NOT_PARKED
