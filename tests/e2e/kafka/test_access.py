"""Two servers on one topic with a policy: commands of one customer neither show nor affect those of another."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.e2e.access.callers import write_policy
from tests.e2e.access.world import send
from tests.e2e.kafka.servers import create_empty_topic, create_server, run_servers
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer
from tests.kafka.cluster import Cluster

from ordertrail.v1.commands_pb2 import CancelOrderRequest, Command, ConfirmOrderRequest, PlaceOrderRequest
from ordertrail.values import line
from ordertrail_server.log.topic_name import commands_topic_of

PLACE = PlaceOrderRequest(order_id="contested", customer_id="acme", lines=[line("goods", 1, "1.00", "EUR")])
CONFIRM = ConfirmOrderRequest(order_id="contested", request_id="confirm")
CANCEL = CancelOrderRequest(order_id="contested", reason="too late", request_id="cancel")


@pytest.fixture
def servers(cluster: Cluster, tmp_path: Path) -> Iterator[list[RunningServer]]:
    topic = create_empty_topic(cluster, "access")
    create_empty_topic(cluster, commands_topic_of(topic))
    policy, roles = str(write_policy(tmp_path)), "command,projector,query"
    servers = [create_server(cluster, topic, tmp_path / name, roles, POLICY=policy) for name in ("one", "other")]
    with run_servers(*servers):
        yield servers


@pytest.fixture
async def channels(servers: list[RunningServer]) -> AsyncIterator[list[grpc.aio.Channel]]:
    first, second = (grpc.aio.insecure_channel(server.address) for server in servers)
    async with first, second:
        yield [first, second]


async def find_outcome(channel: grpc.aio.Channel, command: Command, caller: str) -> Any:
    """Submit a command; return its status once it is refused."""
    submit = RPCS["SubmitCommand"].request(commands=[command], defer_decision=True)
    [submitted] = await send(channel, "SubmitCommand", submit, caller)
    watch = RPCS["WatchCommand"].request(command_id=submitted.results[0].submission.command_id)
    *_, state = await send(channel, "WatchCommand", watch, caller)
    return state.command.refusal


async def test_request_ids_of_a_customer_are_its_own_on_every_server(channels: list[grpc.aio.Channel]) -> None:
    first, second = channels
    before_order = await find_outcome(second, Command(confirm_order=CONFIRM), "globex clerk")
    await send(first, "PlaceOrder", PLACE, "acme clerk")
    beside_order = await find_outcome(second, Command(cancel_order=CANCEL), "globex clerk")
    assert before_order.code == beside_order.code == grpc.StatusCode.NOT_FOUND.value[0]
    [confirmed] = await send(second, "ConfirmOrder", CONFIRM, "acme clerk")
    [cancelled] = await send(first, "CancelOrder", CANCEL, "acme clerk")
    assert [confirmed.receipt.order_version, cancelled.receipt.order_version] == [2, 3]
    replayed = await find_outcome(second, Command(cancel_order=CANCEL), "globex clerk")
    assert replayed == beside_order
