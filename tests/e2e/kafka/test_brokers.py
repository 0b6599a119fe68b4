"""Servers whose brokers go away and come back."""

import asyncio
from pathlib import Path
from time import monotonic, time_ns

from tests.e2e.kafka.servers import Caller, change_quantity, create_empty_topic, create_server, run_servers
from tests.e2e.refusals import catch_refusal
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import wait_until_serving
from tests.e2e.sample_orders import build_order, new_id
from tests.kafka.cluster import Cluster

from ordertrail.v1.order_history_service_pb2 import GetOrderRequest
from ordertrail_server.orders.times import nanoseconds

ALL = "command,projector,query"
DEADLINE_S = 5.0


async def check_unavailable(caller: Caller, server: int, order_id: str, number: int) -> None:
    """Assert that a command is refused as UNAVAILABLE with a retry delay before its deadline."""
    request, began = change_quantity(order_id, number), monotonic()
    caller.requests.add((request.order_id, request.request_id))
    rpc = RPCS["ChangeOrderLineQuantity"]
    refusal = await catch_refusal(rpc.call(caller.channels[server], request.SerializeToString(), DEADLINE_S))
    assert (refusal.code.name, refusal.reason) == ("UNAVAILABLE", "UNAVAILABLE")
    assert refusal.retry_seconds
    assert monotonic() - began < DEADLINE_S


async def wait_until_current(caller: Caller, order_id: str, since: int) -> None:
    """Wait for an answer that includes the log up to a time; `current_at` of the answers must not decrease."""
    before = 0
    async with asyncio.timeout(20):
        while before < since:
            answer = await caller.query(0, GetOrderRequest(order_id=order_id))
            assert nanoseconds(answer.current_at) >= before
            before = nanoseconds(answer.current_at)


async def test_commands_are_unavailable_and_reads_continue_while_brokers_are_down(
    cluster: Cluster, tmp_path: Path
) -> None:
    topic = create_empty_topic(cluster, "brokers.gone", 3)
    both = (create_server(cluster, topic, tmp_path / "all", ALL), create_server(cluster, topic, tmp_path / "command"))
    with run_servers(*both) as servers:
        async with Caller(*servers) as caller:
            await wait_until_serving(servers[0].address)
            orders = [new_id("order") for _ in range(6)]
            placed = [await caller.send(n % 2, build_order(order_id)) for n, order_id in enumerate(orders)]
            tokens = [receipt.consistency_token for receipt in placed]
            await caller.query(0, GetOrderRequest(order_id=orders[0], at_least_as_fresh=tokens))
            cluster.nodes[0].kill()
            kill_time_ns = time_ns()
            for number in (1, 2):
                await asyncio.gather(
                    *(check_unavailable(caller, server, order_id, number) for server in (0, 1) for order_id in orders)
                )
                for order_id in orders:
                    old = await caller.query(0, GetOrderRequest(order_id=order_id))
                    assert old.order.version == 1
                    assert 0 < nanoseconds(old.current_at) <= kill_time_ns
            cluster.nodes[0].start()
            await asyncio.to_thread(cluster.await_ready)
            for number in (1, 2, 3):
                await asyncio.gather(
                    *(caller.send_until_acknowledged(number, change_quantity(order_id, number)) for order_id in orders)
                )
            newest = [receipt.consistency_token for receipt in caller.receipts]
            for order_id in orders:
                request = GetOrderRequest(order_id=order_id, at_least_as_fresh=newest)
                assert (await caller.query(0, request)).order.version == 4
            await wait_until_current(caller, orders[0], time_ns())
            report = await caller.check_topic(cluster, topic)
            assert {len(facts) for facts in report.orders.values()} == {4}
        assert [server.stop() for server in servers] == [0, 0]
    assert [fault for server in both for fault in server.faults] == []
