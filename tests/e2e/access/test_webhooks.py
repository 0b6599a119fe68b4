"""Webhooks post events of their creator's customers only, and their deliveries are visible to nobody else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.e2e.access.answers import describe_answer
from tests.e2e.access.callers import write_policy
from tests.e2e.access.world import send, write_facts
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer
from tests.webhooks.receiver import Receiver, run_receiver

from ordertrail.v1.subscription_service_pb2 import Subscription, SubscriptionFilter

CLERKS = {"acme": "acme clerk", "globex": "globex clerk"}
FILTERS = {
    "everything": {},
    "order": {"order_id": "globex-order"},
    "customer": {"customer_id": "globex"},
    "product": {"product_id": "globex-goods"},
}
EVENTS = 4
"""Of each customer, except those of its parked order that cannot be read."""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with run_receiver() as receiver:
        yield receiver


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    await asyncio.to_thread(write_facts, tmp_path / "data")
    settings = {"ORDERTRAIL_POLICY": str(write_policy(tmp_path)), "ORDERTRAIL_WEBHOOK_ALLOW": "127.0.0.0/8"}
    server = await asyncio.to_thread(RunningServer(tmp_path / "data", settings).start)
    async with grpc.aio.insecure_channel(server.address, options=[("grpc.enable_retries", 0)]) as channel:
        yield channel
    assert await asyncio.to_thread(server.stop) == 0
    assert server.faults == []


async def create(channel: grpc.aio.Channel, receiver: Receiver, caller: str, name: str, conditions: Any) -> None:
    subscription = Subscription(name=name, filter=SubscriptionFilter(**conditions))
    subscription.webhook.url = f"http://127.0.0.1:{receiver.port}/{name}"
    await send(channel, "CreateSubscription", RPCS["CreateSubscription"].request(subscription=subscription), caller)


async def wait_for_deliveries(channel: grpc.aio.Channel, caller: str, name: str) -> list[Any]:
    """Return the deliveries of a webhook once it has posted all events of a customer."""
    request = RPCS["ListWebhookDeliveries"].request(subscription=name)
    async with asyncio.timeout(60):
        while True:
            [answer] = await send(channel, "ListWebhookDeliveries", request, caller)
            if len(answer.deliveries) == EVENTS and all(delivery.attempts for delivery in answer.deliveries):
                return list(answer.deliveries)


async def test_webhook_posts_no_event_of_another_customer_whatever_its_filter_names(
    channel: grpc.aio.Channel, receiver: Receiver
) -> None:
    for caller in ("acme clerk", "acme region"):
        for name, conditions in FILTERS.items():
            await create(channel, receiver, caller, f"{caller.split()[1]}-{name}", conditions)
    await create(channel, receiver, CLERKS["globex"], "last", {})
    for name, caller in (("clerk-everything", "acme clerk"), ("region-everything", "acme region")):
        await wait_for_deliveries(channel, caller, name)
    await wait_for_deliveries(channel, CLERKS["globex"], "last")
    paths = {post.path for post in receiver.posts if "globex" in post.body}
    assert paths == {"/last"}
    assert {post.path for post in receiver.posts} == {"/last", "/clerk-everything", "/region-everything"}


async def test_delivery_of_another_customer_cannot_be_posted_again(
    channel: grpc.aio.Channel, receiver: Receiver
) -> None:
    ids = {}
    for customer, caller in CLERKS.items():
        await create(channel, receiver, caller, f"{customer}-hook", {})
        ids[customer] = [entry.delivery_id for entry in await wait_for_deliveries(channel, caller, f"{customer}-hook")]
    count, own_uid = len(receiver.posts), ids["acme"][0].rsplit("-", 2)[0]
    forged = [f"{own_uid}-{delivery_id.split('-', 5)[5]}" for delivery_id in ids["globex"]]
    for delivery_id in (*ids["globex"], *forged, f"{own_uid}-0-1000000"):
        for name in ("acme-hook", "globex-hook", "no-hook"):
            request = RPCS["RedeliverWebhookDelivery"].request(subscription=name, delivery_id=delivery_id)
            answer = await describe_answer(channel, "RedeliverWebhookDelivery", request, CLERKS["acme"])
            expected = "WEBHOOK_DELIVERY_NOT_FOUND" if name == "acme-hook" else "SUBSCRIPTION_NOT_FOUND"
            assert f"reason='{expected}'" in answer
    assert len(receiver.posts) == count
    request = RPCS["RedeliverWebhookDelivery"].request(subscription="acme-hook", delivery_id=ids["acme"][0])
    [answer] = await send(channel, "RedeliverWebhookDelivery", request, CLERKS["acme"])
    assert answer.attempt.status == 200
