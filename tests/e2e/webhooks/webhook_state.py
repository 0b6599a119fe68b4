"""Orders whose events a webhook posts, and waits for what has become of them."""

import asyncio

from tests.webhooks.receiver import Receiver

from ordertrail.client import OrderTrail, line
from ordertrail.v1.subscription_service_pb2 import Subscription
from ordertrail.v1.webhook_pb2 import WebhookDelivery, WebhookDeliveryState as State, WebhookState


def url_of(receiver: Receiver, path: str = "/orders") -> str:
    return f"http://127.0.0.1:{receiver.port}{path}"


async def place(orders: OrderTrail, customer_id: str) -> str:
    return (await orders.place(customer_id, [line("p_1", 3, "5.20", "EUR")])).order_id


async def wait_for_delivery(orders: OrderTrail, name: str, state: "State.ValueType") -> WebhookDelivery:
    """Wait until the newest delivery of a webhook has a state, and return it."""
    async with asyncio.timeout(60):
        while True:
            newest = await anext(orders.webhook_deliveries(name), None)
            if newest is not None and newest.state == state:
                return newest


async def wait_for_attempts(orders: OrderTrail, name: str, count: int) -> None:
    async with asyncio.timeout(60):
        while True:
            newest = await anext(orders.webhook_deliveries(name), None)
            if newest is not None and len(newest.attempts) == count:
                return


async def wait_for_state(orders: OrderTrail, name: str, state: "WebhookState.ValueType") -> Subscription:
    async with asyncio.timeout(60):
        while (subscription := await orders.subscription(name)).webhook.state != state:
            pass
    return subscription
