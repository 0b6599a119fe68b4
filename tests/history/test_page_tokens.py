"""Page tokens that were made up, or that another log gave."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.history.shop import Shop, placed, shop_in

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_history_service_pb2 import (
    ListOrderEventsRequest,
    ListOrderEventsResponse,
    ListOrdersRequest,
    ListOrdersResponse,
)
from ordertrail_server.log.token import read_page_token, write_page_token
from ordertrail_server.orders.refusal import Refused


@asynccontextmanager
async def shop_of_two_orders(directory: Path, identity: bytes) -> AsyncIterator[Shop]:
    async with shop_in(directory, identity=identity) as shop:
        for number in range(2):
            shop.record(f"o-{number}", placed("p", customer="c"))
        await shop.project()
        yield shop


async def orders(shop: Shop, **paging: object) -> ListOrdersResponse:
    request = ListOrdersRequest(customer_id="c", **paging)  # type: ignore[arg-type]  # size, token
    return ListOrdersResponse.FromString(await shop.service.ListOrders(request, None))


async def events(shop: Shop, **paging: object) -> ListOrderEventsResponse:
    request = ListOrderEventsRequest(customer_id="c", **paging)  # type: ignore[arg-type]  # as above
    return ListOrderEventsResponse.FromString(await shop.service.ListOrderEvents(request, None))


async def refusal(answer: Awaitable[object]) -> str:
    with pytest.raises(Refused) as refused:
        await answer
    assert refused.value.refusal.where == "page_token"
    return ErrorReason.Name(refused.value.refusal.reason).removeprefix("ERROR_REASON_")


async def test_a_page_token_of_another_log_is_refused(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    async with (
        shop_of_two_orders(tmp_path / "one", b"1" * 16) as one,
        shop_of_two_orders(tmp_path / "other", b"2" * 16) as other,
    ):
        for ask in (orders, events):
            token = (await ask(one, page_size=1)).next_page_token
            assert (await ask(one, page_token=token)).next_page_token == ""
            assert await refusal(ask(other, page_token=token)) == "PAGE_TOKEN_MISMATCH"


@pytest.mark.parametrize("number", [-(2**63), -1, 1 << 48, 2**63 - 1])
async def test_a_page_token_of_a_place_that_the_log_cannot_have_is_refused(tmp_path: Path, number: int) -> None:
    async with shop_of_two_orders(tmp_path, b"1" * 16) as shop:
        of_filter = read_page_token((await events(shop, page_size=1)).next_page_token).filter_digest
        assert await refusal(events(shop, page_token=write_page_token(of_filter, number))) == "INVALID_TOKEN"


@pytest.mark.parametrize(("number", "listed"), [(-(2**63), 0), (2**63 - 1, 2)])
async def test_orders_behind_the_first_and_the_last_of_all_moments_are_listed(
    tmp_path: Path, number: int, listed: int
) -> None:
    async with shop_of_two_orders(tmp_path, b"1" * 16) as shop:
        of_filter = read_page_token((await orders(shop, page_size=1)).next_page_token).filter_digest
        assert len((await orders(shop, page_token=write_page_token(of_filter, number))).orders) == listed


async def test_a_condition_of_a_newer_release_is_no_part_of_a_page_token_as_it_is_not_in_force(tmp_path: Path) -> None:
    async with shop_of_two_orders(tmp_path, b"1" * 16) as shop:
        request = ListOrdersRequest(customer_id="c", page_size=1)
        request.MergeFromString(b"\xf8\x07\x01")  # field 127 = 1
        first = ListOrdersResponse.FromString(await shop.service.ListOrders(request, None))
        assert len((await orders(shop, page_token=first.next_page_token)).orders) == 1
