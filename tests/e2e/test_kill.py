"""A loaded server is killed at random moments. No acknowledged fact is lost, duplicated or changed.

ORDERTRAIL_KILL_SEED repeats the moments of a run.
"""

import asyncio
import os
import statistics
import time
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from tests.e2e.filled_directory import projection_file
from tests.e2e.load import Ledger, Load
from tests.e2e.logs import LogOfServer
from tests.e2e.reference_fold import ReferenceFold, assert_receipts_are_facts
from tests.e2e.running_server import RunningServer
from tests.trials import choose_size

from ordertrail.client import OrderTrail, connect
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.chain import digest
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.orders.tables import HEAD_OF_ORDER
from ordertrail_server.storage.connection import connect_reader

KILLS = {"embedded": choose_size(2, 12, 1000), "kafka": choose_size(2, 4, 200)}
SEED = int(os.environ.get("ORDERTRAIL_KILL_SEED", str(time.time_ns())))


@pytest.mark.sampled
@pytest.mark.timeout(60 + 20 * max(KILLS.values()))
@pytest.mark.parametrize(("own_log", "kills"), KILLS.items(), indirect=["own_log"], ids=KILLS)
async def test_acknowledged_facts_survive_every_kill(
    own_log: LogOfServer, own_server: RunningServer, kills: int
) -> None:
    server = own_server.start()
    ledger, streamed_events, recovery_seconds = Ledger(), list[HistoryEvent](), list[float]()
    async with connect(server.address) as orders:
        follow_task = asyncio.create_task(follow(orders, streamed_events))
        load = Load(orders, ledger, unary=16, batches=2, seed=SEED)
        for _ in range(kills):
            recovery_seconds.append(await kill_and_restart(server, ledger, Random(f"{SEED}/{len(recovery_seconds)}")))
            load.check()
        await load.stop()
        reference = await own_log.fold()
        print_summary(ledger, reference, recovery_seconds)

        assert_receipts_are_facts(ledger.receipts, reference)
        assert_no_request_led_to_two_facts(reference)
        await assert_stream_has_each_fact_once(follow_task, streamed_events, reference)
        await assert_queries_equal_facts(orders, reference)
    server.stop()
    assert_projected_orders_equal_facts(server.data, reference)


async def kill_and_restart(server: RunningServer, ledger: Ledger, random: Random) -> float:
    """Kill the server at a random moment, sometimes while it starts. Return the seconds to the next receipt."""
    await ledger.next("b")  # batches resume later than single calls, because their back-off grows with each failure
    await asyncio.sleep(random.uniform(0, 0.6))
    killed_at = time.monotonic()
    server.kill()
    while random.random() < 0.25:
        server.spawn()
        await asyncio.sleep(random.uniform(0, 1.0))
        server.kill()
    server.spawn()
    await asyncio.to_thread(server.wait_until_listening)
    return await ledger.next() - killed_at


async def follow(orders: OrderTrail, streamed_events: list[HistoryEvent]) -> None:
    async for frame in orders.stream_frames(follow=True):
        streamed_events.extend(frame.events)


def assert_no_request_led_to_two_facts(reference: ReferenceFold) -> None:
    assert len({fact.request for fact in reference.facts}) == len(reference.facts)


async def assert_stream_has_each_fact_once(
    follow_task: "asyncio.Task[None]", streamed_events: list[HistoryEvent], reference: ReferenceFold
) -> None:
    async with asyncio.timeout(30):
        while len(streamed_events) < len(reference.facts) and not follow_task.done():  # noqa: ASYNC110 (the task appends to the list)
            await asyncio.sleep(0.01)
    follow_task.cancel()
    streamed_events.sort(
        key=lambda event: event.position.partition
    )  # stable: within a partition the order does not change
    assert [(event.position.partition, event.position.offset, event.digest) for event in streamed_events] == [
        (fact.partition, fact.offset, digest(fact.value)) for fact in reference.facts
    ]


async def assert_queries_equal_facts(orders: OrderTrail, reference: ReferenceFold) -> None:
    listed_orders = {order.order_id: order async for order in orders.list_orders(page_size=1000)}
    assert listed_orders == {order_id: aggregate.order for order_id, aggregate in reference.orders.items()}


def assert_projected_orders_equal_facts(data: Path, reference: ReferenceFold) -> None:
    with closing(connect_reader(projection_file(data, ORDERS))) as file:
        rows = file.execute(
            f"SELECT order_id, state, version, {HEAD_OF_ORDER}, ifnull(parked, '') FROM orders o"
        ).fetchall()
    stored = {order_id: Aggregate(Order.FromString(state), *columns) for order_id, state, *columns in rows}
    assert stored == reference.orders


def print_summary(ledger: Ledger, reference: ReferenceFold, recovery_seconds: list[float]) -> None:
    """Print the numbers of the run."""
    milliseconds = sorted(1000 * seconds for seconds in recovery_seconds)
    print(
        f"\n{len(milliseconds)} kills (ORDERTRAIL_KILL_SEED={SEED}), {len(ledger.receipts)} receipts, "
        f"{len(reference.facts)} facts of {len(reference.orders)} orders, {reference.void} void records; "
        f"kill to next receipt: median {statistics.median(milliseconds):.0f} ms, worst {milliseconds[-1]:.0f} ms"
    )
