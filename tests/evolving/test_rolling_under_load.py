"""Two kills under load, the first with a rollback: callers retry until answered, and each answer is durable."""

import asyncio
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from tests.e2e.load import Ledger, Load
from tests.evolving.checkout import Checkout
from tests.evolving.releases import Reading, Releases, assert_receipts_are_facts

from ordertrail.client import OrderTrail, connect
from ordertrail.v1.receipt_pb2 import Receipt

CALLERS = 4
ANSWERS = 150


class Callers(Load):
    """Callers, each with its own orders."""

    def __init__(self, orders: OrderTrail, name: str) -> None:
        self.name, self.ledger = name, Ledger()
        super().__init__(orders, self.ledger, unary=CALLERS, batches=0, seed=len(name))

    def _ids(self, name: str) -> Iterable[str]:
        return (f"{self.name}-{order_id}" for order_id in super()._ids(name))

    async def wait_until_answered(self) -> None:
        """Wait for ANSWERS more answers."""
        until = len(self.ledger.receipts) + ANSWERS
        while len(self.ledger.receipts) < until:
            await self.ledger.next()
            self.check()


@pytest.mark.trial
@pytest.mark.timeout(120)
async def test_commands_acknowledged_by_either_release_are_durable(tmp_path: Path, next_release: Checkout) -> None:
    with closing(Releases(tmp_path / "data", next_release)) as releases:
        releases.turn_to(releases.new)
        async with connect(releases.new.address) as orders:
            early = Callers(orders, "early")
            await early.wait_until_answered()
            # Who is in the middle of an order now must wait: the old release cannot read how it began.
            await asyncio.to_thread(releases.turn_to, releases.old, kill=True)
            late = Callers(orders, "late")
            await late.wait_until_answered()
            parked = [order.order_id async for order in orders.parked_orders()]
            assert parked
            assert all(order_id.startswith("early-") for order_id in parked)
            await asyncio.to_thread(releases.turn_to, releases.new, kill=True)
            for callers in (early, late):
                await callers.wait_until_answered()
                await callers.stop()
            receipts = early.ledger.receipts + late.ledger.receipts
            await reads_agree(orders, receipts, await asyncio.to_thread(releases.read_by_new))


async def reads_agree(orders: OrderTrail, receipts: list[Receipt], reading: Reading) -> None:
    assert_receipts_are_facts(receipts, reading)
    # Not every load reschedules a delivery, which the new release writes in version 6.
    assert {2, 4} <= {fact.written_version for fact in reading.facts} <= {2, 4, 6}
    assert reading.parked == {}
    assert [order async for order in orders.parked_orders()] == []
    newest = max(receipts, key=lambda receipt: receipt.position.offset).consistency_token
    listed = {order.order_id: order async for order in orders.list_orders(at_least_as_fresh=[newest])}
    assert listed == reading.orders
    assert [event.digest.hex() async for event in orders.stream()] == [fact.digest for fact in reading.facts]
