"""A loaded server is killed at random moments; nothing that it ever acknowledged may be lost, doubled or changed.

ORDERTRAIL_KILL_ROUNDS sets how often (30, and 6 on Kafka); ORDERTRAIL_KILL_SEED repeats the moments of another run.
"""

import asyncio
import os
import statistics
import time
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from tests.e2e.load import Ledger, Load
from tests.e2e.logs import LogOfServer, OnKafka
from tests.e2e.running_server import RunningServer
from tests.e2e.truth import Truth, receipts_are_facts

from ordertrail.client import OrderTrail, connect
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.chain import digest
from ordertrail_server.storage.sqlite import connect_reader

ROUNDS = os.environ.get("ORDERTRAIL_KILL_ROUNDS")
SEED = int(os.environ.get("ORDERTRAIL_KILL_SEED", str(time.time_ns())))


@pytest.mark.timeout(60 + 20 * int(ROUNDS or 30))
async def test_whatever_was_acknowledged_outlives_every_kill(own_log: LogOfServer, own_server: RunningServer) -> None:
    server = own_server.start()
    rounds = int(ROUNDS or (6 if isinstance(own_log, OnKafka) else 30))
    ledger, streamed, to_next_receipt = Ledger(), list[HistoryEvent](), list[float]()
    async with connect(server.address) as orders:
        following = asyncio.create_task(follow(orders, streamed))
        load = Load(orders, ledger, unary=16, batches=2, seed=SEED)
        for _ in range(rounds):
            to_next_receipt.append(await kill_and_restart(server, ledger, Random(f"{SEED}/{len(to_next_receipt)}")))
            load.check()
        await load.stop()
        truth = await own_log.truth()
        tell(ledger, truth, to_next_receipt)

        receipts_are_facts(ledger.receipts, truth)
        no_request_led_to_two_facts(truth)
        await the_stream_saw_each_fact_once(following, streamed, truth)
        await reads_agree(orders, truth)
    server.stop()
    the_state_store_agrees(server.data, truth)


async def kill_and_restart(server: RunningServer, ledger: Ledger, random: Random) -> float:
    """Kill the server at a random moment, now and then while it starts; return the seconds to the next receipt."""
    await ledger.next("b")  # batches come back later than single calls: each failure has them wait longer
    await asyncio.sleep(random.uniform(0, 0.6))
    killed = time.monotonic()
    server.kill()
    while random.random() < 0.25:
        server.spawn()
        await asyncio.sleep(random.uniform(0, 1.0))
        server.kill()
    server.spawn()
    await asyncio.to_thread(server.listening)
    return await ledger.next() - killed


async def follow(orders: OrderTrail, streamed: list[HistoryEvent]) -> None:
    async for frame in orders.stream_frames(follow=True):
        streamed.extend(frame.events)


def no_request_led_to_two_facts(truth: Truth) -> None:
    assert len({fact.request for fact in truth.facts}) == len(truth.facts)


async def the_stream_saw_each_fact_once(
    following: "asyncio.Task[None]", streamed: list[HistoryEvent], truth: Truth
) -> None:
    async with asyncio.timeout(30):
        while len(streamed) < len(truth.facts) and not following.done():  # noqa: ASYNC110 (it reads on)
            await asyncio.sleep(0.01)
    following.cancel()
    streamed.sort(key=lambda event: event.position.partition)  # in each they stay in the order in which they came
    assert [(event.position.partition, event.position.offset, event.digest) for event in streamed] == [
        (fact.partition, fact.offset, digest(fact.value)) for fact in truth.facts
    ]


async def reads_agree(orders: OrderTrail, truth: Truth) -> None:
    listed = {order.order_id: order async for order in orders.list_orders(page_size=1000)}
    assert listed == {order_id: known.order for order_id, known in truth.orders.items()}


def the_state_store_agrees(data: Path, truth: Truth) -> None:
    with closing(connect_reader(data / "state.sqlite")) as store:
        rows = store.execute("SELECT order_id, state, version, head, parked FROM orders").fetchall()
    stored = {order_id: Aggregate(Order.FromString(state), *rest) for order_id, state, *rest in rows}
    assert stored == truth.orders


def tell(ledger: Ledger, truth: Truth, to_next_receipt: list[float]) -> None:
    """Print what the run was like; how fast is not asserted here."""
    milliseconds = sorted(1000 * seconds for seconds in to_next_receipt)
    print(
        f"\n{len(milliseconds)} kills (ORDERTRAIL_KILL_SEED={SEED}), {len(ledger.receipts)} receipts, "
        f"{len(truth.facts)} facts of {len(truth.orders)} orders, {truth.void} void records; "
        f"kill to next receipt: median {statistics.median(milliseconds):.0f} ms, worst {milliseconds[-1]:.0f} ms"
    )
