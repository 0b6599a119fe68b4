"""The only broker is lost and comes back: servers live on, and forward calls about subscriptions again."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from tests.e2e.kafka.servers import run_servers
from tests.e2e.kafka.subscribers import SERVICE, create_subscription_server, create_topics, retry_unavailable
from tests.e2e.running_server import wait_until_serving
from tests.kafka.cluster import run_cluster

from ordertrail.client import OrderTrail, connect
from ordertrail.errors import Unavailable

OUTAGES = 3
"""Before the client of a failed query was replaced, each outage ended a server, or kept it from forwarding, often."""


async def require_refusal(client: OrderTrail) -> None:
    """Call until the call is refused, for which it waits several seconds."""
    while True:
        try:
            await client.subscription("all")
        except Unavailable:
            return


@pytest.mark.trial
@pytest.mark.timeout(300)
async def test_servers_answer_again_when_the_broker_is_back(kafka: None, tmp_path: Path) -> None:
    with run_cluster(tmp_path) as cluster:
        topic = create_topics(cluster, "lost")
        created = [create_subscription_server(cluster, topic, tmp_path / name) for name in ("first", "second")]
        with run_servers(*created) as servers:
            for server in servers:
                await wait_until_serving(server.address, SERVICE)
            async with connect(servers[0].address) as first, connect(servers[1].address) as second:
                clients = first, second
                await first.create_subscription("all")
                for _ in range(OUTAGES):
                    await asyncio.to_thread(cluster.nodes[0].kill)
                    await asyncio.gather(*map(require_refusal, clients))
                    cluster.nodes[0].start()
                    await asyncio.to_thread(cluster.await_ready)
                    for client in clients:
                        await retry_unavailable(partial(client.subscription, "all"))
            assert [server.has_ended for server in servers] == [False, False]
        assert [server.faults for server in servers] == [[], []]
