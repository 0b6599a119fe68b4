from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings, strategies as st
from tests.history.histories import Step, happen, steps
from tests.history.shop import NOON, SECOND, Happened, Shop, added, changed, confirmed, placed, sealed, shop_in

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, GetOrderResponse
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.log.token import write_token
from ordertrail_server.orders.refusal import Refusal, Refused


async def ask(shop: Shop, request: GetOrderRequest) -> Order:
    return GetOrderResponse.FromString(await shop.service.GetOrder(request, 0.05)).order


async def refusal(shop: Shop, request: GetOrderRequest) -> Refusal:
    with pytest.raises(Refused) as refused:
        await shop.service.GetOrder(request, 0.05)
    return refused.value.refusal


def moment(nanoseconds: int) -> Timestamp:
    return Timestamp(seconds=nanoseconds // SECOND, nanos=nanoseconds % SECOND)


async def test_an_order_is_returned_as_it_stands(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        shop.record("o", placed("p", customer="c"))
        shop.record("o", confirmed())
        await shop.project()
        assert await ask(shop, GetOrderRequest(order_id="o")) == shop.orders["o"]


async def test_the_answer_says_how_much_of_the_log_it_includes(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        token = shop.record("o", placed("p"))
        await shop.project()
        raw = await shop.service.GetOrder(GetOrderRequest(order_id="o"), None)
        assert GetOrderResponse.FromString(raw).consistency_token == token


@settings(max_examples=25)
@given(history=steps, partitions=st.sampled_from([1, 3]))
async def test_an_order_as_of_any_point_is_the_fold_of_its_facts_up_to_there(
    history: list[Step], partitions: int
) -> None:
    with TemporaryDirectory() as directory:
        async with shop_in(Path(directory), partitions) as shop:
            happen(shop, history)
            await shop.project()
            for fact in shop.happened:
                await assert_each_way_leads_there(shop, fact)


async def assert_each_way_leads_there(shop: Shop, fact: Happened) -> None:
    order_id = fact.order.order_id
    assert await ask(shop, GetOrderRequest(order_id=order_id, version=fact.order.version)) == fact.order
    partition, offset = fact.position >> 48, fact.position & (1 << 48) - 1
    token = write_token(shop.log.identity, {partition: offset + 1})
    assert await ask(shop, GetOrderRequest(order_id=order_id, token=token)) == fact.order
    then = [h.order for h in shop.in_log_order() if h.order.order_id == order_id and h.time <= fact.time][-1]
    assert await ask(shop, GetOrderRequest(order_id=order_id, record_time=moment(fact.time))) == then


async def test_a_history_longer_than_one_read_is_folded_whole(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        shop.record("o", placed("p"))
        for quantity in range(3, 12_000):
            shop.record("o", changed("p", quantity))
        await shop.project()
        asked = await ask(shop, GetOrderRequest(order_id="o", version=11_500))
        assert asked == shop.happened[11_499].order


async def test_an_order_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        await shop.project()
        refused = await refusal(shop, GetOrderRequest(order_id="o"))
        assert (refused.reason, refused.order_id) == (ErrorReason.ERROR_REASON_ORDER_NOT_FOUND, "o")


async def test_an_order_is_not_found_at_points_before_its_first_fact(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        earlier = shop.record("another", placed("p"))
        shop.record("o", placed("p"), NOON)
        await shop.project()
        before = [
            GetOrderRequest(order_id="o", token=earlier),
            GetOrderRequest(order_id="o", record_time=moment(NOON - 1)),
            GetOrderRequest(order_id="o", record_time=Timestamp(seconds=-62_135_596_800)),
        ]
        for request in before:
            assert (await refusal(shop, request)).reason == ErrorReason.ERROR_REASON_ORDER_NOT_FOUND


async def test_the_last_time_that_can_be_named_is_after_every_fact(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        shop.record("o", placed("p"))
        await shop.project()
        end_of_time = Timestamp(seconds=253_402_300_799, nanos=999_999_999)
        assert await ask(shop, GetOrderRequest(order_id="o", record_time=end_of_time)) == shop.orders["o"]


async def test_a_version_that_is_not_there_yet_is_refused_with_the_one_that_is(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        shop.record("o", placed("p"))
        await shop.project()
        refused = await refusal(shop, GetOrderRequest(order_id="o", version=7))
        assert refused.reason == ErrorReason.ERROR_REASON_ORDER_NOT_FOUND
        assert refused.facts == {"version": "1"}
        assert "version 1;" in refused.message


@pytest.mark.parametrize("asked_for", [GetOrderRequest(order_id="o"), GetOrderRequest(order_id="o", version=1)])
async def test_a_parked_order_says_so(tmp_path: Path, asked_for: GetOrderRequest) -> None:
    async with shop_in(tmp_path) as shop:
        shop.record("o", placed("p"))
        shop.record("other", placed("p"))
        shop.land("o", sealed("o", 2, b"no such fact's digest"[:16], b""))
        await shop.project()
        refused = await refusal(shop, asked_for)
        assert (refused.reason, refused.order_id) == (ErrorReason.ERROR_REASON_ORDER_PARKED, "o")
        assert await ask(shop, GetOrderRequest(order_id="other")) == shop.orders["other"]


async def test_an_as_of_token_is_waited_for(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        shop.record("o", placed("p"))
        await shop.project()
        token = shop.record("o", added("q"))
        refused = await refusal(shop, GetOrderRequest(order_id="o", token=token))
        assert refused.reason == ErrorReason.ERROR_REASON_NOT_FRESH_YET
        await shop.project()
        assert await ask(shop, GetOrderRequest(order_id="o", token=token)) == shop.orders["o"]
