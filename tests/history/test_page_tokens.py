"""Page tokens that are invented or of another log."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.history.history_server import HistoryServer, build_placed, serve_history

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_history_service_pb2 import (
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    ListOrdersRequest,
    ListOrdersResponse,
)
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.log.position import OFFSETS
from ordertrail_server.log.token import PageKey, read_page_token, write_page_token
from ordertrail_server.orders.refusal import Refused


@asynccontextmanager
async def serve_two_orders(directory: Path, identity: bytes) -> AsyncIterator[HistoryServer]:
    async with serve_history(directory, identity=identity) as server:
        for number in range(2):
            server.record(f"o-{number}", build_placed("p", customer="c"))
        await server.project()
        yield server


async def list_orders(server: HistoryServer, **paging: object) -> ListOrdersResponse:
    request = ListOrdersRequest(customer_id="c", **paging)  # type: ignore[arg-type]  # size, token
    return ListOrdersResponse.FromString(await server.service.ListOrders(request, EVERYTHING, None))


async def list_events(server: HistoryServer, **paging: object) -> ListOrderEventsResponse:
    request = ListOrderEventsRequest(customer_id="c", **paging)  # type: ignore[arg-type]  # as above
    return ListOrderEventsResponse.FromString(await server.service.ListOrderEvents(request, EVERYTHING, None))


async def catch_refusal_reason(answer: Awaitable[object]) -> str:
    with pytest.raises(Refused) as error:
        await answer
    assert error.value.refusal.where == "page_token"
    return ErrorReason.Name(error.value.refusal.reason).removeprefix("ERROR_REASON_")


async def test_page_token_of_another_log_is_refused(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    async with (
        serve_two_orders(tmp_path / "one", b"1" * 16) as first_server,
        serve_two_orders(tmp_path / "other", b"2" * 16) as second_server,
    ):
        for ask in (list_orders, list_events):
            token = (await ask(first_server, page_size=1)).next_page_token
            assert (await ask(first_server, page_token=token)).next_page_token == ""
            assert await catch_refusal_reason(ask(second_server, page_token=token)) == "PAGE_TOKEN_MISMATCH"


@pytest.mark.parametrize("number", [-(2**63), -1, OFFSETS, 2**63 - 1])
async def test_page_token_of_an_impossible_position_is_refused(tmp_path: Path, number: int) -> None:
    async with serve_two_orders(tmp_path, b"1" * 16) as server:
        of_filter = read_page_token((await list_events(server, page_size=1)).next_page_token).filter_digest
        assert (
            await catch_refusal_reason(list_events(server, page_token=write_page_token(of_filter, PageKey(number))))
            == "INVALID_TOKEN"
        )


@pytest.mark.parametrize(("number", "count"), [(-(2**63), 0), (2**63 - 1, 2)])
async def test_orders_of_the_first_and_the_last_possible_time_are_listed(
    tmp_path: Path, number: int, count: int
) -> None:
    async with serve_two_orders(tmp_path, b"1" * 16) as server:
        of_filter = read_page_token((await list_orders(server, page_size=1)).next_page_token).filter_digest
        assert len((await list_orders(server, page_token=write_page_token(of_filter, PageKey(number)))).orders) == count


async def test_page_token_ignores_conditions_of_newer_releases(tmp_path: Path) -> None:
    async with serve_two_orders(tmp_path, b"1" * 16) as server:
        request = ListOrdersRequest(customer_id="c", page_size=1)
        request.MergeFromString(b"\xf8\x07\x01")  # field 127 = 1
        first = ListOrdersResponse.FromString(await server.service.ListOrders(request, EVERYTHING, None))
        assert len((await list_orders(server, page_token=first.next_page_token)).orders) == 1
