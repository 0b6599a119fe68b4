"""Clients that were generated from the last release work with a server of the next one, and lose no data."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.e2e.running_server import wait_until_serving
from tests.evolving.checkout import Checkout
from tests.evolving.gift_request import MESSAGE, build_gift_request
from tests.evolving.old_clients import LANGUAGES, OldClient
from tests.evolving.releases import Releases
from tests.evolving.rollout import WRITTEN_VERSIONS, history, roll_out

from ordertrail.v1.history_event_pb2 import HistoryEvent

# What roll_out placed, all for one shop; tests here order for others.
ORDERS = ("older", "gift", "newer")


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory, next_release: Checkout) -> Iterator[Releases]:
    """The next release serves a history that an older release began."""
    with closing(Releases(tmp_path_factory.mktemp("next") / "data", next_release)) as releases:
        asyncio.run(roll_out(releases))
        asyncio.run(wait_until_serving(releases.new.address))
        yield releases


@pytest.fixture(scope="module", params=["python", pytest.param("typescript", marks=pytest.mark.trial)])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OldClient:
    """A client of each language."""
    return LANGUAGES[request.param](tmp_path_factory.mktemp(request.param))


async def test_old_client_reads_all_history_and_keeps_unknown_fields(releases: Releases, client: OldClient) -> None:
    async with client.runs(releases.new.address, "read") as output:
        listed, streamed = await output.next("listed"), await output.next("streamed")
    async with releases.client() as orders:
        events = await history(orders)
    assert [decode_event(event) for event in streamed] == events
    assert listed == [event for event in streamed if event[0] in ORDERS]
    assert [decode_event(event).written_version for event in listed] == WRITTEN_VERSIONS
    assert [event[0] for event in listed if MESSAGE.encode() in decode_bytes(event)] == ["gift"]


async def test_old_client_receives_live_events_of_the_next_release(releases: Releases, client: OldClient) -> None:
    async with releases.client() as orders, client.runs(releases.new.address, "follow") as output:
        await output.next("following")
        placed = await orders.send(build_gift_request(customer="shop-3"))
        await orders.cancel(placed.order_id)
        first, last = await output.next("event"), await output.next("event")
        events = [event async for event in orders.list_events(order_id=placed.order_id)]
    assert first[:5] == [placed.order_id, 1, "order_placed", "shop-3", placed.digest.hex()]
    assert last[:3] == [placed.order_id, 2, "order_cancelled"]
    assert [decode_event(first), decode_event(last)] == events
    assert MESSAGE.encode() in decode_bytes(first)


async def test_commands_of_an_old_client_work(releases: Releases, client: OldClient) -> None:
    async with client.runs(releases.new.address, "command") as output:
        receipts, results = await output.next("receipts"), await output.next("results")
    (first_id, *_), (second_id, *_) = receipts[0], results[0]
    assert [receipt[:2] for receipt in receipts] == [[first_id, 1], [first_id, 2], [first_id, 3]]
    assert [result[:2] for result in results] == [[second_id, 1], [second_id, 2]]
    facts = {fact.digest: fact for fact in releases.read_by_new().facts}
    stored_facts = [facts[digest] for _, _, digest in receipts + results]
    assert [(fact.order_id, fact.order_version) for fact in stored_facts] == [
        *((first_id, version) for version in (1, 2, 3)),
        *((second_id, version) for version in (1, 2)),
    ]
    assert [fact.written_version for fact in stored_facts] == [4, 2, 2, 4, 2]


def decode_bytes(event: list[Any]) -> bytes:
    return bytes.fromhex(event[-1])


def decode_event(event: list[Any]) -> HistoryEvent:
    """Return the event that a client passed on. Asserts that the client read all fields of its own contract."""
    read = HistoryEvent.FromString(decode_bytes(event))
    customer = read.order_placed.customer_id
    assert event[:5] == [read.order_id, read.order_version, read.WhichOneof("event"), customer, read.digest.hex()]
    return read
