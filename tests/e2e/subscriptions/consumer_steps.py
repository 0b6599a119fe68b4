"""Orders of a customer, and what a consumer takes of their events."""

import asyncio

from ordertrail.client import OrderTrail, line
from ordertrail.consumer import Consumer
from ordertrail.v1.subscription_service_pb2 import (
    Delivery,
)


async def place(orders: OrderTrail, customer_id: str, count: int = 1) -> list[str]:
    receipts = [await orders.place(customer_id, [line("p_1", 3, "5.20", "EUR")]) for _ in range(count)]
    return [receipt.order_id for receipt in receipts]


async def take(consumer: Consumer, count: int) -> list[Delivery]:
    async with asyncio.timeout(30):
        return [await anext(consumer) for _ in range(count)]


def name_of(delivery: Delivery) -> tuple[str, int]:
    return delivery.event.order_id, delivery.event.order_version
