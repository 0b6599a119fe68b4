"""Clients that were generated from the last release work with a server of the next one, and lose nothing of it."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.e2e.running_server import until_serving
from tests.evolving.checkout import Checkout
from tests.evolving.gifts import MESSAGE, a_gift
from tests.evolving.old_clients import LANGUAGES, OldClient
from tests.evolving.releases import Releases
from tests.evolving.rollout import WRITTEN_VERSIONS, history, roll_out

from ordertrail.v1.history_event_pb2 import HistoryEvent

# What roll_out placed, all for one shop; tests here order for others.
ORDERS = ("older", "gift", "newer")


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory, grown: Checkout) -> Iterator[Releases]:
    """The next release serves a history that began before it."""
    with closing(Releases(tmp_path_factory.mktemp("next") / "data", grown)) as releases:
        asyncio.run(roll_out(releases))
        asyncio.run(until_serving(releases.new.address))
        yield releases


@pytest.fixture(scope="module", params=LANGUAGES)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OldClient:
    """A client of each language."""
    return LANGUAGES[request.param](tmp_path_factory.mktemp(request.param))


async def test_it_reads_all_history_and_carries_what_it_does_not_know(releases: Releases, client: OldClient) -> None:
    async with client.runs(releases.new.address, "read") as said:
        listed, streamed = await said.next("listed"), await said.next("streamed")
    async with releases.client() as orders:
        sent = await history(orders)
    assert [as_sent(event) for event in streamed] == sent
    assert listed == [event for event in streamed if event[0] in ORDERS]
    assert [as_sent(event).written_version for event in listed] == WRITTEN_VERSIONS
    assert [event[0] for event in listed if MESSAGE.encode() in carried(event)] == ["gift"]


async def test_it_receives_live_what_the_next_release_writes(releases: Releases, client: OldClient) -> None:
    async with releases.client() as orders, client.runs(releases.new.address, "follow") as said:
        await said.next("following")
        placed = await orders.send(a_gift(customer="shop-3"))
        await orders.cancel(placed.order_id)
        first, last = await said.next("event"), await said.next("event")
        sent = [event async for event in orders.list_events(order_id=placed.order_id)]
    assert first[:5] == [placed.order_id, 1, "order_placed", "shop-3", placed.digest.hex()]
    assert last[:3] == [placed.order_id, 2, "order_cancelled"]
    assert [as_sent(first), as_sent(last)] == sent
    assert MESSAGE.encode() in carried(first)


async def test_its_commands_still_work(releases: Releases, client: OldClient) -> None:
    async with client.runs(releases.new.address, "command") as said:
        receipts, results = await said.next("receipts"), await said.next("results")
    (one, *_), (another, *_) = receipts[0], results[0]
    assert [receipt[:2] for receipt in receipts] == [[one, 1], [one, 2], [one, 3]]
    assert [result[:2] for result in results] == [[another, 1], [another, 2]]
    facts = {fact.digest: fact for fact in releases.read_by_new().facts}
    told = [facts[digest] for _, _, digest in receipts + results]
    assert [(fact.order_id, fact.order_version) for fact in told] == [
        *((one, version) for version in (1, 2, 3)),
        *((another, version) for version in (1, 2)),
    ]
    assert [fact.written_version for fact in told] == [4, 2, 2, 4, 2]


def carried(event: list[Any]) -> bytes:
    return bytes.fromhex(event[-1])


def as_sent(event: list[Any]) -> HistoryEvent:
    """Return the event that a client passed on; asserts that it understood what was known when it was made."""
    read = HistoryEvent.FromString(carried(event))
    customer = read.order_placed.customer_id
    assert event[:5] == [read.order_id, read.order_version, read.WhichOneof("event"), customer, read.digest.hex()]
    return read
