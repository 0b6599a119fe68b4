"""A rolling deploy and a rollback: two releases on one log. The old release parks only orders that it cannot read."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.e2e.running_server import wait_until_serving
from tests.e2e.sample_orders import build_order
from tests.evolving.checkout import Checkout
from tests.evolving.gift_request import MESSAGE, build_gift_request
from tests.evolving.releases import Releases, assert_receipts_are_facts
from tests.evolving.rollout import BY_NEW, BY_OLD, GIFT, PARKED, WAITING, WRITTEN_VERSIONS, history, roll_out, send_all

from ordertrail.client import OrderTrail
from ordertrail.v1.commands_pb2 import ShipOrderRequest
from ordertrail.v1.receipt_pb2 import Receipt

pytestmark = pytest.mark.trial


@pytest.fixture
def releases(tmp_path: Path, next_release: Checkout) -> Iterator[Releases]:
    """Two releases on a new log, not started."""
    with closing(Releases(tmp_path / "data", next_release)) as releases:
        yield releases


async def test_old_projector_parks_new_events_while_the_new_release_serves(releases: Releases) -> None:
    releases.turn_to(releases.old)
    await send_all(releases, BY_OLD)
    releases.turn_to(releases.new)
    async with releases.old_projector() as projector, releases.client() as orders:
        written = [await orders.send(request) for request in BY_NEW]
        await projector.reaches(await releases.end())
        folded = projector.orders()
        assert {order_id: order.newest for order_id, order in folded.items()} == {"older": 3, "gift": 3, "newer": 1}
        assert {order_id: order.version for order_id, order in folded.items()} == {"older": 3, "gift": 0, "newer": 0}
        assert {order_id for order_id, order in folded.items() if order.parked} == set(PARKED)
        assert projector.waiting() == WAITING

        fresh = [written[-1].consistency_token]
        gift = await orders.get("gift", at_least_as_fresh=fresh)
        assert gift.version == 3
        assert MESSAGE.encode() in gift.SerializeToString()
        assert [event.written_version for event in await history(orders)] == WRITTEN_VERSIONS


async def test_request_answered_by_one_release_gets_its_receipt_from_the_other(releases: Releases) -> None:
    first = [receipt for receipt in await roll_out(releases) if receipt.request_id != GIFT.request_id]
    requests = [request for request in [*BY_OLD, *BY_NEW] if request is not GIFT]
    releases.turn_to(releases.old)
    by_old = await send_all(releases, requests)
    requests.append(build_order("late", "late/1"))
    first += await send_all(releases, requests[-1:])
    releases.turn_to(releases.new, kill=True)
    by_new = await send_all(releases, requests)
    assert all(receipt.replayed for receipt in by_old + by_new)
    assert [in_short(receipt) for receipt in by_old] == [in_short(receipt) for receipt in first[:-1]]
    assert [in_short(receipt) for receipt in by_new] == [in_short(receipt) for receipt in first]


async def test_request_with_fields_unknown_to_the_old_release_gets_its_receipt(releases: Releases) -> None:
    releases.turn_to(releases.new)
    by_new = await send_all(releases, [GIFT])
    releases.turn_to(releases.old)
    late = build_gift_request("late", "late/1")
    by_old = await send_all(releases, [late])
    assert [in_short(receipt) for receipt in await send_all(releases, [GIFT])] == [
        in_short(receipt) for receipt in by_new
    ]
    releases.turn_to(releases.new)
    assert [in_short(receipt) for receipt in await send_all(releases, [late])] == [
        in_short(receipt) for receipt in by_old
    ]


async def test_tokens_of_one_release_are_accepted_by_the_other(releases: Releases) -> None:
    written = await roll_out(releases)
    async with releases.client() as orders:
        token = await find_end_token(orders, [written[-1].consistency_token])
    for number, release in enumerate((releases.old, releases.new)):
        releases.turn_to(release)
        [placed] = await send_all(releases, [build_order(f"late-{number}")])
        fresh = [written[-1].consistency_token, placed.consistency_token]
        async with releases.client() as orders:
            resumed = [event async for event in orders.stream(resume_token=token, at_least_as_fresh=fresh)]
            assert [event.order_id for event in resumed] == [f"late-{number}"]
            token = await find_end_token(orders, fresh)


async def test_new_release_after_a_rollback_reads_all_and_parks_nothing(releases: Releases) -> None:
    receipts = await roll_out(releases)
    releases.turn_to(releases.old, kill=True)
    receipts += await send_all(releases, [ShipOrderRequest(order_id="older", request_id="older/4")])
    releases.turn_to(releases.new)
    receipts += await send_all(releases, [ShipOrderRequest(order_id="gift", request_id="gift/4")])
    await wait_until_serving(releases.new.address)
    async with releases.client() as orders:
        gift = await orders.get("gift", at_least_as_fresh=[receipts[-1].consistency_token])
        assert MESSAGE.encode() in gift.SerializeToString()
        assert [order async for order in orders.parked_orders()] == []
        listed = {order.order_id: order async for order in orders.list_orders()}
        events = await history(orders)
    reading = releases.read_by_new()
    assert reading.parked == {}
    assert listed == reading.orders
    assert [event.digest.hex() for event in events] == [fact.digest for fact in reading.facts]
    assert [fact.written_version for fact in reading.facts] == [*WRITTEN_VERSIONS, 2, 2]
    assert_receipts_are_facts(receipts, reading)


async def find_end_token(orders: OrderTrail, fresh: list[str]) -> str:
    """Return the resume token of the end of all events."""
    frames = [frame async for frame in orders.stream_frames(at_least_as_fresh=fresh)]
    return frames[-1].resume_token


def in_short(receipt: Receipt) -> tuple[str, int, bytes, int, str]:
    """Return the parts of a receipt that never change; its event depends on what the release can read."""
    digest, offset = receipt.digest, receipt.position.offset
    return receipt.order_id, receipt.order_version, digest, offset, receipt.consistency_token
