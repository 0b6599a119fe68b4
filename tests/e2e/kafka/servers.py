"""Servers on a Kafka topic in processes of their own, and a caller that keeps their receipts."""

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import grpc
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer
from tests.e2e.sample_orders import build_order
from tests.kafka.checker import Report, check
from tests.kafka.cluster import Cluster
from tests.kafka.topics import delete_topic

from ordertrail.v1.commands_pb2 import ChangeOrderLineQuantityRequest
from ordertrail.v1.position_pb2 import TokenContents
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.log.kafka.topic import create_topic


def create_empty_topic(cluster: Cluster, name: str, partitions: int = 1) -> str:
    """Create an empty topic of this name, and delete the old one."""
    delete_topic(cluster, name)
    create_topic({"bootstrap.servers": cluster.bootstrap}, name, partitions=partitions, replicas=1)
    return name


def create_server(
    cluster: Cluster, topic: str, data: Path, roles: str = "command", **environment: str
) -> RunningServer:
    """Return a server that is not started. `environment` has further settings without their prefix."""
    settings = {"LOG": "kafka", "BOOTSTRAP": cluster.bootstrap, "TOPIC": topic, "ROLE": roles, **environment}
    return RunningServer(data, {f"ORDERTRAIL_{name}": value for name, value in settings.items()})


@contextmanager
def run_servers(*servers: RunningServer) -> Iterator[list[RunningServer]]:
    """Start servers side by side, and kill them at the end."""
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(closing(server))
            server.spawn()
        for server in servers:
            server.wait_until_listening()
        yield [*servers]


class Caller:
    """A caller of several servers that keeps every receipt. Its channels retry nothing by themselves."""

    def __init__(self, *servers: RunningServer) -> None:
        options = [("grpc.enable_retries", 0), ("grpc.max_reconnect_backoff_ms", 200)]
        self.channels = [grpc.aio.insecure_channel(server.address, options=options) for server in servers]
        self.receipts: list[Receipt] = []
        self.requests: set[tuple[str, str]] = set()

    async def send(self, server: int, request: Any, timeout_s: float = 20.0) -> Receipt:
        """Send one command to the server of this number. Raises AioRpcError."""
        self.requests.add((request.order_id, request.request_id))
        name = type(request).__name__.removesuffix("Request")
        [answer] = await RPCS[name].call(self.channels[server], request.SerializeToString(), timeout_s)
        receipt: Receipt = answer.receipt
        self.receipts.append(receipt)
        return receipt

    async def send_until_acknowledged(
        self, server: int, request: Any, timeout_s: float = 30.0, step: int = 1
    ) -> Receipt:
        """Repeat one command until a server returns a receipt; each attempt goes to the server `step` further."""
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    return await self.send(server % len(self.channels), request, 5.0)
                except grpc.aio.AioRpcError as error:
                    if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                        raise
                    await asyncio.sleep(0.05)
                    server += step

    async def query(self, server: int, request: Any, timeout_s: float = 20.0) -> Any:
        """Return the answer of one server to a query. Raises AioRpcError."""
        name = type(request).__name__.removesuffix("Request")
        [answer] = await RPCS[name].call(self.channels[server], request.SerializeToString(), timeout_s)
        return answer

    async def check_topic(self, cluster: Cluster, topic: str, damaged: int = 0) -> Report:
        """Compare the topic with every receipt, and return its report; fail if a guarantee was violated.

        `damaged` is the number of records with a wrong link that the test wrote.
        """
        report = await asyncio.to_thread(check, cluster.bootstrap, topic, self.receipts)
        assert report.faults == ({"broken": damaged} if damaged else {}), str(report)
        orders = {order_id for order_id, _ in self.requests}
        assert {request for request in report.facts if request[0] in orders} <= self.requests, (
            "a fact without a request"
        )
        return report

    async def __aenter__(self) -> "Caller":
        return self

    async def __aexit__(self, *raised: object) -> None:
        for channel in self.channels:
            await channel.close(None)


def change_quantity(order_id: str, number: int) -> ChangeOrderLineQuantityRequest:
    """Return a command that changes the order for every number."""
    request_id = f"{order_id}/{number}"
    return ChangeOrderLineQuantityRequest(
        order_id=order_id, request_id=request_id, product_id="p_1", quantity=number + 100
    )


async def alternate_servers(caller: Caller, order_id: str, servers: int, commands: int) -> None:
    """Place an order, and send its further commands to one server after another."""
    await caller.send(0, build_order(order_id))
    for number in range(1, commands):
        assert (await caller.send(number % servers, change_quantity(order_id, number))).order_version == number + 1


def newest_tokens(caller: Caller) -> dict[int, str]:
    """Return for each partition the token of its newest receipt."""
    receipts = sorted(caller.receipts, key=lambda receipt: receipt.position.offset)
    return {receipt.position.partition: receipt.consistency_token for receipt in receipts}


def token_offsets(token: str) -> dict[int, int]:
    """Return the offset in a token for each partition. Tokens are opaque to clients."""
    contents = urlsafe_b64decode(token + "=" * (-len(token) % 4))[1:-4]
    return dict(TokenContents.FromString(contents).offsets)
