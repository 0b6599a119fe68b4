"""Servers on a Kafka topic, as an operator runs them, and what their callers keep."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import grpc
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer
from tests.kafka.checker import Report, check
from tests.kafka.cluster import Cluster
from tests.kafka.topics import delete_topic

from ordertrail.v1.commands_pb2 import ChangeOrderLineQuantityRequest, PlaceOrderRequest
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.log.kafka.topic import create_topic


def new_topic(cluster: Cluster, name: str, partitions: int = 1) -> str:
    """Make an empty topic of this name."""
    delete_topic(cluster, name)
    create_topic({"bootstrap.servers": cluster.bootstrap}, name, partitions=partitions, replicas=1)
    return name


def a_server(cluster: Cluster, topic: str, data: Path, roles: str = "command", **environment: str) -> RunningServer:
    """Return a server that has not started; `environment` are further settings, without their prefix."""
    told = {"LOG": "kafka", "BOOTSTRAP": cluster.bootstrap, "TOPIC": topic, "ROLE": roles, **environment}
    return RunningServer(data, {f"ORDERTRAIL_{name}": value for name, value in told.items()})


@contextmanager
def started(*servers: RunningServer) -> Iterator[list[RunningServer]]:
    """Run servers, started side by side; at the end they are killed."""
    with ExitStack() as held:
        for server in servers:
            held.enter_context(closing(server))
            server.spawn()
        for server in servers:
            server.listening()
        yield [*servers]


class Shop:
    """A caller of several servers that keeps every receipt. Nothing is tried again behind its back."""

    def __init__(self, *servers: RunningServer) -> None:
        options = [("grpc.enable_retries", 0), ("grpc.max_reconnect_backoff_ms", 200)]
        self.channels = [grpc.aio.insecure_channel(server.address, options=options) for server in servers]
        self.receipts: list[Receipt] = []
        self.asked: set[tuple[str, str]] = set()

    async def send(self, server: int, request: Any, timeout_s: float = 20.0) -> Receipt:
        """Send one command to the server of this number. Raises AioRpcError."""
        self.asked.add((request.order_id, request.request_id))
        name = type(request).__name__.removesuffix("Request")
        [answer] = await RPCS[name].call(self.channels[server], request.SerializeToString(), timeout_s)
        receipt: Receipt = answer.receipt
        self.receipts.append(receipt)
        return receipt

    async def insist(self, server: int, request: Any, timeout_s: float = 30.0, step: int = 1) -> Receipt:
        """Send one command again and again until it is answered with a receipt, each time to the server `step` on."""
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    return await self.send(server % len(self.channels), request, 5.0)
                except grpc.aio.AioRpcError as error:
                    if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                        raise
                    await asyncio.sleep(0.05)
                    server += step

    async def ask(self, server: int, request: Any, timeout_s: float = 20.0) -> Any:
        """Return the one answer of a server to a question. Raises AioRpcError."""
        name = type(request).__name__.removesuffix("Request")
        [answer] = await RPCS[name].call(self.channels[server], request.SerializeToString(), timeout_s)
        return answer

    async def audit(self, cluster: Cluster, topic: str, damaged: int = 0) -> Report:
        """Return what the topic holds, compared with every receipt; asserts that no promise was broken.

        `damaged` are the records with a wrong link that were put there.
        """
        report = await asyncio.to_thread(check, cluster.bootstrap, topic, self.receipts)
        assert report.faults == ({"broken": damaged} if damaged else {}), str(report)
        orders = {order_id for order_id, _ in self.asked}
        assert {request for request in report.facts if request[0] in orders} <= self.asked, "a fact nobody asked for"
        return report

    async def __aenter__(self) -> "Shop":
        return self

    async def __aexit__(self, *raised: object) -> None:
        for channel in self.channels:
            await channel.close(None)


def changed(order_id: str, number: int) -> ChangeOrderLineQuantityRequest:
    """Return a command that is allowed and changes something, however many of it came before."""
    request_id = f"{order_id}/{number}"
    return ChangeOrderLineQuantityRequest(
        order_id=order_id, request_id=request_id, product_id="p_1", quantity=number + 100
    )


def named(request: PlaceOrderRequest, order_id: str) -> PlaceOrderRequest:
    """Return the request under this order id."""
    request.order_id = order_id
    return request
