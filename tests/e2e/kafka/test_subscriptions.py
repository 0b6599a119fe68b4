"""Two servers on one topic share subscriptions: each answers every call, and consumers of both share the orders.

They have mutual TLS, also between each other. The policy holds for the certificate of the caller, not for that of the
server that forwards a call.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.certificates import Authority
from tests.e2e.kafka.servers import run_servers
from tests.e2e.kafka.subscribers import ACKNOWLEDGED, SERVICE, create_subscription_server, create_topics
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.kafka.cluster import Cluster

from ordertrail.client import OrderTrail, connect, line
from ordertrail.errors import NotFound, OrderTrailError
from ordertrail.tls import read_credentials

POLICY = """
[certificates]
name = "common_name"

[[grants]]
to = { names = ["client"] }
may = ["read", "write", "subscribe", "health"]
customers = "all"

[[grants]]
to = { names = ["globex"] }
may = ["subscribe", "health"]
customers = ["globex"]

[[grants]]
to = { names = ["server"] }
may = ["forward"]
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def servers(
    cluster: Cluster, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[RunningServer]]:
    topic, directory = create_topics(cluster, "shared"), tmp_path_factory.mktemp("shared")
    certificate, key = map(str, authority.sign("server"))
    policy = directory / "policy.toml"
    policy.write_text(POLICY)
    tls = {"TLS_CERT": certificate, "TLS_KEY": key, "TLS_CLIENT_CA": str(authority.file), "POLICY": str(policy)}
    created = [create_subscription_server(cluster, topic, directory / name, **tls) for name in ("first", "second")]
    with run_servers(*created) as running:
        yield running
        assert [server.stop() for server in running] == [0, 0]
    assert [server.faults for server in running] == [[], []]


@pytest.fixture
async def clients(servers: list[RunningServer], authority: Authority) -> AsyncIterator[list[OrderTrail]]:
    credentials = read_credentials(authority.file, *authority.sign("client"))
    for server in servers:
        await wait_until_serving(server.address, SERVICE, credentials=credentials)
    addresses = [server.address for server in servers]
    async with (
        connect(addresses[0], credentials=credentials) as first,
        connect(addresses[1], credentials=credentials) as second,
    ):
        yield [first, second]


async def test_every_server_answers_every_call(clients: list[OrderTrail]) -> None:
    first, second = clients
    created = await first.create_subscription("mails", max_attempts=1)
    assert [subscription.name async for subscription in second.subscriptions()] == ["mails"]
    updated = await second.update_subscription("mails", max_attempts=3)
    assert (created.max_attempts, updated.max_attempts) == (1, 3)
    assert (await first.subscription("mails")).max_attempts == 3
    await second.delete_subscription("mails")
    for client in clients:
        with pytest.raises(NotFound) as refusal:
            await client.subscription("mails")
        assert refusal.value.reason == "SUBSCRIPTION_NOT_FOUND"


async def test_consumers_of_both_servers_share_the_orders(clients: list[OrderTrail]) -> None:
    first, second = clients
    await first.create_subscription("shared", now=True)
    async with (
        asyncio.timeout(60),
        first.consume("shared", max_events=5) as first_consumer,
        second.consume("shared", max_events=5) as second_consumer,
    ):
        receipts = [await first.place("shop-1", [line("p_1", 1, "5.20", "EUR")]) for _ in range(10)]
        deliveries = [
            (consumer, await anext(consumer)) for consumer in (first_consumer, second_consumer) for _ in range(5)
        ]
        assert {delivery.event.order_id for _, delivery in deliveries} == {receipt.order_id for receipt in receipts}
        for consumer, delivery in deliveries:
            assert await consumer.acknowledge(delivery) == ACKNOWLEDGED
    assert (await second.subscription("shared")).lag_count == 0


async def test_forwarded_call_has_the_rights_of_its_caller(
    servers: list[RunningServer], clients: list[OrderTrail], authority: Authority
) -> None:
    await clients[0].create_subscription("of-all")
    credentials = read_credentials(authority.file, *authority.sign("globex"))
    for server in servers:
        async with connect(server.address, credentials=credentials) as globex:
            assert [subscription.name async for subscription in globex.subscriptions()] == []
            with pytest.raises(NotFound):
                await globex.subscription("of-all")
    credentials = read_credentials(authority.file, *authority.sign("stranger"))
    for server in servers:
        async with connect(server.address, credentials=credentials) as stranger:
            with pytest.raises(OrderTrailError) as refusal:
                await stranger.subscription("of-all")
            assert refusal.value.reason == "PERMISSION_DENIED"
