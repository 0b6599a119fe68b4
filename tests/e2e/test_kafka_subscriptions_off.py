"""A server whose log has no topic of subscriptions refuses calls about them, until the topic is created."""

import asyncio
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner
from tests.e2e.kafka.servers import create_empty_topic, create_server, run_servers
from tests.e2e.kafka.subscribers import SERVICE
from tests.e2e.refusals import catch_refusal
from tests.e2e.running_server import wait_until_serving
from tests.kafka.cluster import Cluster
from tests.kafka.topics import delete_topic

from ordertrail.client import connect
from ordertrail.v1.subscription_service_pb2 import ConsumeRequest, ListSubscriptionsRequest
from ordertrail.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from ordertrail_server.cli.main import ordertrail


@pytest.mark.timeout(180)
async def test_calls_are_refused_until_the_topic_is_created(cluster: Cluster, tmp_path: Path) -> None:
    topic = create_empty_topic(cluster, "upgraded.events")
    delete_topic(cluster, "upgraded.subscriptions")
    server = create_server(cluster, topic, tmp_path / "data", "command,projector,query")
    with run_servers(server):
        await refuse_calls(server.address)
        arguments = ["topics", "create", "--bootstrap", cluster.bootstrap, "--topic", topic]
        result = await asyncio.to_thread(CliRunner().invoke, ordertrail, arguments)
        assert (result.exit_code, "Created the topic upgraded.subscriptions." in result.output) == (0, True), (
            result.output
        )
        await wait_until_serving(server.address, SERVICE)
        async with connect(server.address) as orders:
            assert (await orders.create_subscription("mails")).lag_count == 0
        assert server.stop() == 0
    assert server.faults == []


async def refuse_calls(address: str) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        service = SubscriptionServiceStub(channel)
        for call in (
            service.ListSubscriptions(ListSubscriptionsRequest()),
            service.Consume(iter([ConsumeRequest()])).read(),
        ):
            refusal = await catch_refusal(call)
            assert (refusal.code.name, refusal.reason) == ("FAILED_PRECONDITION", "SUBSCRIPTIONS_OFF")
