"""Servers that share the subscriptions of one topic, and consumers that check every promise with each delivery."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from random import Random

from tests.e2e.kafka.servers import create_empty_topic, create_server
from tests.e2e.running_server import RunningServer
from tests.kafka.cluster import Cluster

from ordertrail.client import OrderTrail, line
from ordertrail.errors import Unavailable
from ordertrail.v1.subscription_service_pb2 import Delivery, DeliveryOutcome

SESSION_SECONDS = 6
"""The shortest session timeout that brokers allow by default."""

SERVICE = "ordertrail.v1.SubscriptionService"
ACKNOWLEDGED = DeliveryOutcome.DELIVERY_OUTCOME_ACKNOWLEDGED
Name = tuple[str, int]


def create_topics(cluster: Cluster, name: str, partitions: int = 2) -> str:
    """Create an empty topic of events and one of subscriptions beside it."""
    create_empty_topic(cluster, f"{name}.subscriptions")
    return create_empty_topic(cluster, f"{name}.events", partitions)


def create_subscription_server(cluster: Cluster, topic: str, data: Path, **environment: str) -> RunningServer:
    """Return a server with all roles, whose death the group notices soon."""
    timeout = {"KAFKA_SESSION_TIMEOUT_MS": str(1_000 * SESSION_SECONDS)}
    return create_server(cluster, topic, data, "command,projector,query", **timeout, **environment)


class Witness:
    """What consumers have seen."""

    def __init__(self) -> None:
        self.confirmed: set[Name] = set()
        self.delivered: set[Name] = set()
        self.arrived = asyncio.Event()

    def note_delivery(self, delivery: Delivery) -> None:
        """Check the promises for a delivery."""
        name = order_id, version = delivery.event.order_id, delivery.event.order_version
        assert name not in self.confirmed, f"{name} was delivered after its acknowledgement was confirmed"
        assert version == 1 or (order_id, version - 1) in self.delivered, f"{name} was delivered before its predecessor"
        self.delivered.add(name)
        self.arrived.set()

    def note_outcome(self, delivery: Delivery, answered: "asyncio.Future[DeliveryOutcome.ValueType]") -> None:
        """Note what became of an answer."""
        if answered.result() == ACKNOWLEDGED:
            self.confirmed.add((delivery.event.order_id, delivery.event.order_version))


async def consume(orders: OrderTrail, name: str, witness: Witness, random: Random) -> None:
    """Consume for ever, and reject some events."""
    async with orders.consume(name, max_events=20) as consumer:
        async for delivery in consumer:
            witness.note_delivery(delivery)
            is_rejected = random.random() < 0.05
            answered = consumer.reject(delivery) if is_rejected else consumer.acknowledge(delivery)
            answered.add_done_callback(partial(witness.note_outcome, delivery))


async def place_and_confirm(orders: OrderTrail, recorded: set[Name]) -> None:
    """Place and confirm orders for ever."""
    while True:
        try:
            receipt = await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])
            recorded.add((receipt.order_id, 1))
            confirmed = await orders.confirm(receipt.order_id)
            recorded.add((confirmed.order_id, 2))
        except Unavailable:
            await asyncio.sleep(0.05)


async def retry_unavailable(call: Callable[[], Awaitable[object]], seconds: float = 60.0) -> None:
    """Repeat a call while no server answers it."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                await call()
            except Unavailable:
                await asyncio.sleep(0.1)
            else:
                return


def check(tasks: list["asyncio.Task[None]"]) -> None:
    """Raise the error of a task that has failed."""
    for task in tasks:
        if task.done():
            task.result()
