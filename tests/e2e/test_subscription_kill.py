"""A server is killed at random moments while consumers work. Deliveries keep their promises, and continue soon.

ORDERTRAIL_KILL_SEED repeats the moments of a run.
"""

import asyncio
import os
import time
from functools import partial
from pathlib import Path
from random import Random
from statistics import median

import pytest
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.trials import choose_size

from ordertrail.client import OrderTrail, connect, line
from ordertrail.errors import Unavailable
from ordertrail.v1.subscription_service_pb2 import Delivery, DeliveryOutcome

KILLS, CONSUMERS = choose_size(2, 8, 500), 3
SEED = int(os.environ.get("ORDERTRAIL_KILL_SEED", str(time.time_ns())))
CONTINUE_SECONDS = 2.0
"""How long after the server listens again the next delivery may take, on an idle machine."""

ACKNOWLEDGED = DeliveryOutcome.DELIVERY_OUTCOME_ACKNOWLEDGED
Name = tuple[str, int]


class Witness:
    """What consumers have seen: the promises are checked with every delivery."""

    def __init__(self) -> None:
        self.confirmed: set[Name] = set()
        self.delivered: set[Name] = set()
        self.redelivered = asyncio.Event()

    def note_delivery(self, delivery: Delivery) -> None:
        name = order_id, version = delivery.event.order_id, delivery.event.order_version
        assert name not in self.confirmed, f"{name} was delivered after its acknowledgement was confirmed"
        assert version == 1 or (order_id, version - 1) in self.delivered, f"{name} was delivered before its predecessor"
        self.delivered.add(name)

    def note_outcome(self, delivery: Delivery, outcome: int) -> None:
        if outcome == ACKNOWLEDGED:
            self.confirmed.add((delivery.event.order_id, delivery.event.order_version))


@pytest.mark.sampled
@pytest.mark.timeout(120 + 20 * KILLS)
async def test_consumers_continue_after_every_kill(tmp_path: Path) -> None:
    server, random, witness = RunningServer(tmp_path / "data").start(), Random(SEED), Witness()
    try:
        await wait_until_serving(server.address)
        async with connect(server.address) as orders:
            await orders.create_subscription("all", max_attempts=1_000)
            await orders.create_subscription("held", max_attempts=1_000)
            recorded: set[Name] = set()
            tasks = [asyncio.create_task(consume(orders, witness, Random(f"{SEED}/{n}"))) for n in range(CONSUMERS)]
            tasks.append(asyncio.create_task(hold(orders, witness)))
            tasks.append(asyncio.create_task(place_and_confirm(orders, recorded)))
            seconds = [await kill_and_continue(server, witness, tasks, random.uniform(0.2, 1.0)) for _ in range(KILLS)]
            tasks.pop().cancel()
            await wait_until_done(orders, tasks)
            # The confirmation of an acknowledgement that is on disk may be lost with the server.
            assert recorded <= witness.delivered
            for task in tasks:
                task.cancel()
        print(f"seed {SEED}; restart to next delivery: {sorted(seconds)} s; {len(recorded):,} facts")
        assert median(seconds) < CONTINUE_SECONDS
    finally:
        server.close()
    assert server.faults == []


async def wait_until_done(orders: OrderTrail, tasks: list["asyncio.Task[None]"]) -> None:
    async with asyncio.timeout(60):
        while (await orders.subscription("all")).lag_count:
            check(tasks)
            await asyncio.sleep(0.1)


async def place_and_confirm(orders: OrderTrail, recorded: set[Name]) -> None:
    while True:
        try:
            receipt = await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])
            recorded.add((receipt.order_id, 1))
            confirmed = await orders.confirm(receipt.order_id)
            recorded.add((confirmed.order_id, 2))
        except Unavailable:
            await asyncio.sleep(0.05)  # the server is being restarted


async def hold(orders: OrderTrail, witness: Witness) -> None:
    """Consume without an answer: the same event arrives again after each restart."""
    async with orders.consume("held", max_events=1) as consumer:
        async for _ in consumer:
            witness.redelivered.set()


async def consume(orders: OrderTrail, witness: Witness, random: Random) -> None:
    async with orders.consume("all", max_events=20) as consumer:
        async for delivery in consumer:
            witness.note_delivery(delivery)
            is_rejected = random.random() < 0.05
            answered = consumer.reject(delivery) if is_rejected else consumer.acknowledge(delivery)
            answered.add_done_callback(partial(note_outcome, witness, delivery))


def note_outcome(witness: Witness, delivery: Delivery, answered: "asyncio.Future[DeliveryOutcome.ValueType]") -> None:
    witness.note_outcome(delivery, answered.result())


async def kill_and_continue(
    server: RunningServer, witness: Witness, tasks: list["asyncio.Task[None]"], delay: float
) -> float:
    """Kill the server after some time, and return the seconds from its restart to the next delivery."""
    await asyncio.sleep(delay)
    await witness.redelivered.wait()
    await asyncio.to_thread(server.kill)
    witness.redelivered.clear()
    await asyncio.to_thread(server.start)
    begin = time.monotonic()
    async with asyncio.timeout(60):
        await witness.redelivered.wait()
    check(tasks)
    return round(time.monotonic() - begin, 3)


def check(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        if task.done():
            task.result()
