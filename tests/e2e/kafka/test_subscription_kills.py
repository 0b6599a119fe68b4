"""The server that serves the subscriptions is killed, stopped or frozen under load, and another one continues.

ORDERTRAIL_KILL_SEED repeats the moments of a run.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import grpc
import pytest
from confluent_kafka.admin import AdminClient
from tests.e2e.kafka.servers import run_servers
from tests.e2e.kafka.subscribers import (
    SERVICE,
    SESSION_SECONDS,
    Name,
    Witness,
    check,
    consume,
    create_subscription_server,
    create_topics,
    place_and_confirm,
    retry_unavailable,
)
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.kafka.cluster import Cluster
from tests.process_freeze import freeze_process
from tests.trials import choose_size

from ordertrail.client import OrderTrail, connect, line
from ordertrail.errors import Unavailable
from ordertrail_server.log.kafka.group_leader import find_leader_address

ROUNDS = choose_size(1, 3, 100)
SEED = int(os.environ.get("ORDERTRAIL_KILL_SEED", str(time.time_ns())))
FAILOVER_SECONDS = SESSION_SECONDS + 6.0
"""On an idle machine it is less than two seconds more than the session timeout."""


class Load:
    """Servers with consumers and callers at each of them."""

    def __init__(self, cluster: Cluster, topic: str, servers: list[RunningServer], clients: list[OrderTrail]) -> None:
        self.servers, self.clients = servers, clients
        self.witness, self.recorded = Witness(), set[Name]()
        self._admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
        self._group = f"{topic.removesuffix('.events')}.subscriptions"
        self.tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Start consumers and callers."""
        for number, client in enumerate(self.clients):
            random = Random(f"{SEED}/{number}")
            self.tasks.append(asyncio.create_task(consume(client, "all", self.witness, random)))
            self.tasks.append(asyncio.create_task(place_and_confirm(client, self.recorded)))

    async def find_serving(self) -> int:
        """Return the number of the server that serves the subscriptions."""
        address = await asyncio.to_thread(find_leader_address, self._admin, self._group, 10.0)
        return [server.address for server in self.servers].index(address)

    async def measure_failover(self, number: int) -> float:
        """Return after how many seconds an event that is recorded now on the server of this number is delivered."""
        begin = time.monotonic()
        receipt = await self.clients[number].place("shop-1", [line("p_1", 1, "5.20", "EUR")])
        async with asyncio.timeout(60):
            while (receipt.order_id, 1) not in self.witness.delivered:
                self.witness.arrived.clear()
                await self.witness.arrived.wait()
        check(self.tasks)
        return round(time.monotonic() - begin, 2)

    async def finish(self) -> None:
        """Wait until all that was recorded is delivered."""
        for task in self.tasks[1::2]:
            task.cancel()

        async def require_no_lag() -> None:
            check(self.tasks[::2])
            if (await self.clients[0].subscription("all")).lag_count:
                raise Unavailable(grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", "It lags.")

        await retry_unavailable(require_no_lag)
        assert self.recorded <= self.witness.delivered
        for task in self.tasks:
            task.cancel()


@asynccontextmanager
async def run_load(cluster: Cluster, directory: Path, name: str) -> AsyncIterator[Load]:
    topic = create_topics(cluster, name)
    created = [create_subscription_server(cluster, topic, directory / number) for number in ("first", "second")]
    with run_servers(*created) as servers:
        for server in servers:
            await wait_until_serving(server.address)
            await wait_until_serving(server.address, SERVICE)
        async with connect(servers[0].address) as first, connect(servers[1].address) as second:
            load = Load(cluster, topic, servers, [first, second])
            await first.create_subscription("all", max_attempts=1_000)
            load.begin()
            yield load
            await load.finish()
    assert [server.faults for server in servers] == [[], []]


@pytest.mark.sampled
@pytest.mark.timeout(120 + 60 * ROUNDS)
async def test_another_server_continues_after_every_kill(cluster: Cluster, tmp_path: Path) -> None:
    random, seconds = Random(SEED), list[float]()
    async with run_load(cluster, tmp_path, "killed") as load:
        for _ in range(ROUNDS):
            await load.measure_failover(0)
            await asyncio.sleep(random.uniform(0.2, 1.0))
            serving = await load.find_serving()
            await asyncio.to_thread(load.servers[serving].kill)
            seconds.append(await load.measure_failover(1 - serving))
            await asyncio.to_thread(load.servers[serving].start)
            await wait_until_serving(load.servers[serving].address, SERVICE)
    print(f"seed {SEED}; kill to next delivery: {seconds} s; {len(load.recorded):,} facts")
    assert max(seconds) < FAILOVER_SECONDS


async def test_another_server_continues_at_once_after_an_orderly_stop(cluster: Cluster, tmp_path: Path) -> None:
    async with run_load(cluster, tmp_path, "stopped") as load:
        await load.measure_failover(0)
        serving = await load.find_serving()
        stopping = asyncio.create_task(asyncio.to_thread(load.servers[serving].stop))
        seconds = await load.measure_failover(1 - serving)
        assert await stopping == 0
        await asyncio.to_thread(load.servers[serving].start)
        await wait_until_serving(load.servers[serving].address, SERVICE)
    print(f"stop to next delivery: {seconds} s")
    assert seconds < SESSION_SECONDS / 2


@pytest.mark.trial
async def test_frozen_server_has_no_effect_once_another_serves(cluster: Cluster, tmp_path: Path) -> None:
    async with run_load(cluster, tmp_path, "frozen") as load:
        await load.measure_failover(0)
        serving = await load.find_serving()
        freeze_process(load.servers[serving].pid)
        seconds = await load.measure_failover(1 - serving)
        await load.clients[1 - serving].create_subscription("later", now=True)
        load.servers[serving].signal(signal.SIGCONT)
        await retry_unavailable(lambda: load.clients[serving].subscription("later"))
        await load.measure_failover(serving)
        assert await load.find_serving() == 1 - serving
    print(f"freeze to next delivery: {seconds} s")
    assert seconds < FAILOVER_SECONDS
