"""A rollback: the old release serves a log of the new one, and reports orders that it cannot read as parked."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import pytest
from tests.e2e.refusals import read_status
from tests.e2e.rpcs import RPCS, VERBS, build_request
from tests.e2e.running_server import wait_until_serving
from tests.e2e.sample_orders import build_order
from tests.evolving.checkout import Checkout
from tests.evolving.releases import Releases
from tests.evolving.rollout import PARKED, assert_parked_refusal, catch_rpc_refusal, history, roll_out

from ordertrail.client import OrderTrail
from ordertrail.v1.commands_pb2 import CancelOrderRequest, Command, ExecuteCommandsRequest


@pytest.fixture(scope="module")
def releases_after_rollback(tmp_path_factory: pytest.TempPathFactory, next_release: Checkout) -> Iterator[Releases]:
    """The old release serves after the new one."""
    with closing(Releases(tmp_path_factory.mktemp("rolled-back") / "data", next_release)) as releases:
        asyncio.run(roll_out(releases))
        releases.turn_to(releases.old)
        asyncio.run(wait_until_serving(releases.old.address))
        yield releases


@pytest.fixture
async def orders(releases_after_rollback: Releases) -> AsyncIterator[OrderTrail]:
    """A client of the old release."""
    async with releases_after_rollback.client() as orders:
        yield orders


@pytest.mark.parametrize("order_id", PARKED)
@pytest.mark.parametrize("verb", VERBS)
async def test_command_on_an_unreadable_order_is_refused(orders: OrderTrail, verb: str, order_id: str) -> None:
    assert_parked_refusal(await catch_rpc_refusal(orders, verb, build_request(verb, order_id)), order_id)


@pytest.mark.parametrize("order_id", PARKED)
async def test_command_on_an_unreadable_order_is_refused_alone_in_a_batch(orders: OrderTrail, order_id: str) -> None:
    batch = ExecuteCommandsRequest(
        commands=[Command(cancel_order=CancelOrderRequest(order_id=order_id)), Command(place_order=build_order())]
    )
    [answer] = await RPCS["ExecuteCommands"].call(orders.channel, batch.SerializeToString())
    assert_parked_refusal(read_status(answer.results[0].status), order_id)
    assert answer.results[1].receipt.order_version == 1


@pytest.mark.parametrize("order_id", PARKED)
@pytest.mark.parametrize("rpc", ["GetOrder", "ListOrderEvents", "StreamOrderEvents"])
async def test_query_of_an_unreadable_order_is_refused(orders: OrderTrail, rpc: str, order_id: str) -> None:
    assert_parked_refusal(await catch_rpc_refusal(orders, rpc, RPCS[rpc].request(order_id=order_id)), order_id)


async def test_readable_orders_accept_commands_and_queries(orders: OrderTrail) -> None:
    shipped = await orders.ship("older")
    placed = await orders.send(build_order("late"))
    fresh = [shipped.consistency_token, placed.consistency_token]
    assert (await orders.get("older", at_least_as_fresh=fresh)).version == 4
    events = [(event.order_id, event.order_version) for event in await history(orders)]
    assert [event for event in events if event[0] == "older"] == [("older", version) for version in (1, 2, 3, 4)]
    assert ("late", 1) in events
    assert not {order_id for order_id, _ in events} & set(PARKED)


async def test_unreadable_orders_are_listed_as_parked(orders: OrderTrail) -> None:
    listed = [(order.order_id, order.version, order.waiting_count) async for order in orders.parked_orders()]
    assert listed == [("gift", 0, 3), ("newer", 0, 1)]
