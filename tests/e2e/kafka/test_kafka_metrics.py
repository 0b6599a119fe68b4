"""The metrics of a server on a Kafka topic."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.e2e.kafka.subscribers import SERVICE, create_subscription_server, create_topics
from tests.e2e.metric_names import describe_families, find_unknown_uses, read_page, sample_labels
from tests.e2e.observed_server import ObservedServer
from tests.e2e.running_server import wait_until_serving
from tests.kafka.cluster import Cluster
from tests.ports import find_free_port

from ordertrail.client import connect, line

KAFKA = "ordertrail_kafka_"


@pytest.fixture(scope="module")
def observed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObservedServer]:
    topic, port = create_topics(cluster, "observed"), find_free_port()
    directory = tmp_path_factory.mktemp("observed")
    server = create_subscription_server(cluster, topic, directory / "data", ADMIN_LISTEN=f"127.0.0.1:{port}")
    with closing(server.start()):
        yield ObservedServer(server, port)
        assert server.stop() == 0
        assert server.faults == []


async def test_metrics_of_brokers_are_listed_and_in_the_dashboard(observed: ObservedServer) -> None:
    await wait_until_serving(observed.server.address, SERVICE)
    async with connect(observed.server.address) as orders:
        receipt = await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])
        partition = str(receipt.position.partition)
        await observed.wait_for(1, "ordertrail_records_total", partition=partition, verdict="fact")
        await observed.wait_for(receipt.position.offset + 1, "ordertrail_log_end_offset", partition=partition)
    families = observed.families()
    exposed = {name: metric for name, metric in describe_families(families).items() if name.startswith(KAFKA)}
    assert exposed == {name: metric for name, metric in read_page().items() if name.startswith(KAFKA)}
    assert find_unknown_uses(sample_labels(families), KAFKA) == []
    round_trips = families["ordertrail_kafka_broker_round_trip_seconds"].samples
    assert any(sample.value > 0 for sample in round_trips)


async def test_subscriptions_that_the_server_serves_are_shown(observed: ObservedServer) -> None:
    await wait_until_serving(observed.server.address, SERVICE)
    async with connect(observed.server.address) as orders:
        await orders.create_subscription("mails", customer_id="nobody")
        await observed.wait_for(0, "ordertrail_subscription_stopped", subscription="mails")
        async with orders.consume("mails"):
            await observed.wait_for(1, "ordertrail_subscription_consumers", subscription="mails")
