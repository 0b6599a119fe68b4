"""Deliveries of webhooks of a server in a process of its own, with real receivers."""

import asyncio
import json

import pytest
from standardwebhooks import Webhook
from tests.certificates import Authority
from tests.e2e.webhooks.webhook_state import place, url_of, wait_for_attempts, wait_for_delivery, wait_for_state
from tests.webhooks.receiver import Receiver, run_receiver, status
from tests.webhooks.test_signature import verify_ed25519

from ordertrail.client import OrderTrail
from ordertrail.errors import NotFound, Refused
from ordertrail.v1.webhook_pb2 import WebhookDeliveryState as State, WebhookState

DELIVERED, PARKED = State.WEBHOOK_DELIVERY_STATE_DELIVERED, State.WEBHOOK_DELIVERY_STATE_PARKED


async def test_event_arrives_as_signed_cloud_event(orders: OrderTrail, authority: Authority) -> None:
    async with run_receiver(authority.context_of("localhost"), "localhost") as receiver:
        url = f"https://localhost:{receiver.port}/orders?shop=1"
        created = await orders.create_webhook("signed", url, customer_id="shop-1", sign_with_ed25519=True)
        order_id = await place(orders, "shop-1")
        [post] = await receiver.wait_for(1)
    assert post.path == "/orders?shop=1"
    assert post.headers["Content-Type"] == "application/cloudevents+json"
    event = Webhook(created.webhook_secret).verify(post.body, dict(post.headers))
    [secret] = created.subscription.webhook.secrets
    verify_ed25519(secret.ed25519_public_key, dict(post.headers), post.body)
    [listed] = [event async for event in orders.list_events(order_id=order_id)]
    assert {name: value for name, value in event.items() if name != "data"} == {
        "specversion": "1.0",
        "id": listed.event_id,
        "source": "/ordertrail",
        "type": "ordertrail.v1.OrderPlaced",
        "subject": order_id,
        "time": event["data"]["recordTime"],
        "datacontenttype": "application/json",
        "deliveryid": post.delivery_id,
    }
    assert event["data"]["orderPlaced"]["customerId"] == "shop-1"
    assert (event["data"]["orderId"], event["data"]["orderVersion"]) == (order_id, "1")


async def test_failed_delivery_is_repeated_with_the_same_id_and_body(orders: OrderTrail, receiver: Receiver) -> None:
    receiver.answers = [status(500, "try\x1b again")]
    created = await orders.create_webhook("repeated", url_of(receiver), customer_id="shop-2")
    order_id = await place(orders, "shop-2")
    await orders.confirm(order_id)
    posts = await receiver.wait_for(3)
    assert len({(post.delivery_id, post.body) for post in posts[:2]}) == 1
    assert json.loads(posts[2].body)["type"] == "ordertrail.v1.OrderConfirmed"
    for post in posts:
        Webhook(created.webhook_secret).verify(post.body, dict(post.headers))
    await wait_for_delivery(orders, "repeated", DELIVERED)
    confirmed, placed = [delivery async for delivery in orders.webhook_deliveries("repeated", page_size=1)]
    assert [(a.number, a.status, a.error, a.response) for a in placed.attempts] == [
        (1, 500, "", "try\x1b again"),
        (2, 200, "", ""),
    ]
    assert [attempt.number for attempt in confirmed.attempts] == [1]
    assert [delivery async for delivery in orders.webhook_deliveries("repeated", failed=True)] == []
    assert [delivery async for delivery in orders.webhook_deliveries("repeated", order_id="other")] == []


async def test_order_that_fails_too_often_is_parked_and_replayed_with_the_same_body(
    orders: OrderTrail, receiver: Receiver
) -> None:
    receiver.answers = [status(400)]
    await orders.create_webhook("parked", url_of(receiver), customer_id="shop-5", max_attempts=1)
    order_id = await place(orders, "shop-5")
    parked = await wait_for_delivery(orders, "parked", PARKED)
    [parked_order] = [order async for order in orders.parked_deliveries("parked")]
    assert (parked_order.order_id, parked_order.delivery_id) == (order_id, parked.delivery_id)
    assert parked_order.reason == "the receiver answered with status 400"
    with pytest.raises(Refused) as refusal:
        await orders.redeliver("parked", parked.delivery_id)
    assert refusal.value.reason == "WEBHOOK_DELIVERY_NOT_FINISHED"
    await orders.replay_parked("parked", order_id)
    await wait_for_delivery(orders, "parked", DELIVERED)
    first, second = receiver.posts
    assert (first.delivery_id, first.body) == (second.delivery_id, second.body)


async def test_finished_delivery_is_posted_again_by_an_operator(orders: OrderTrail, receiver: Receiver) -> None:
    await orders.create_webhook("redelivered", url_of(receiver), customer_id="shop-6")
    await place(orders, "shop-6")
    delivery = await wait_for_delivery(orders, "redelivered", DELIVERED)
    receiver.answers = [status(418, "teapot")]
    attempt = await orders.redeliver("redelivered", delivery.delivery_id)
    assert (attempt.number, attempt.status, attempt.response) == (0, 418, "teapot")
    first, second = receiver.posts
    assert (first.delivery_id, first.body) == (second.delivery_id, second.body)
    [again] = [delivery async for delivery in orders.webhook_deliveries("redelivered", failed=True)]
    assert (again.state, [attempt.status for attempt in again.attempts]) == (DELIVERED, [200, 418])
    with pytest.raises(NotFound) as refusal:
        await orders.redeliver("redelivered", f"{delivery.delivery_id}0")
    assert refusal.value.reason == "WEBHOOK_DELIVERY_NOT_FOUND"


async def test_redelivery_whose_caller_leaves_while_it_waits_is_not_posted(
    orders: OrderTrail, receiver: Receiver
) -> None:
    await orders.create_webhook("left", url_of(receiver), customer_id="shop-10", attempt_seconds=1)
    await place(orders, "shop-10")
    delivery = await wait_for_delivery(orders, "left", DELIVERED)
    receiver.answers = [receiver.hang]
    running = asyncio.create_task(orders.redeliver("left", delivery.delivery_id))
    await receiver.wait_for(2)
    waiting = asyncio.create_task(orders.redeliver("left", delivery.delivery_id))
    await orders.subscription("left")  # by now the server has begun the call before it
    waiting.cancel()
    await asyncio.wait({waiting})
    assert (await running).error == "no response within 1 s"
    assert (await orders.redeliver("left", delivery.delivery_id)).status == 200
    assert len(receiver.posts) == 3


async def test_answer_with_an_absurd_retry_after_counts(orders: OrderTrail, receiver: Receiver) -> None:
    receiver.answers = [status(200, Retry_After="Feb 99999999999999999999 1 12.30.10 0001 PM")]
    await orders.create_webhook("absurd", url_of(receiver), customer_id="shop-11")
    await place(orders, "shop-11")
    await wait_for_delivery(orders, "absurd", DELIVERED)
    assert len(receiver.posts) == 1


async def test_new_url_ends_the_delays_of_failed_deliveries(orders: OrderTrail, receiver: Receiver) -> None:
    receiver.answers = [status(503, Retry_After="3000")]
    await orders.create_webhook("delayed", url_of(receiver), customer_id="shop-12")
    await place(orders, "shop-12")
    await wait_for_attempts(orders, "delayed", 1)
    await orders.update_webhook("delayed", url=url_of(receiver, "/new"))
    await wait_for_delivery(orders, "delayed", DELIVERED)
    assert [post.path for post in receiver.posts] == ["/orders", "/new"]


async def test_receiver_that_is_gone_disables_its_webhook(orders: OrderTrail, receiver: Receiver) -> None:
    receiver.answers = [status(410)]
    await orders.create_webhook("gone", url_of(receiver), customer_id="shop-7")
    await place(orders, "shop-7")
    disabled = await wait_for_state(orders, "gone", WebhookState.WEBHOOK_STATE_DISABLED)
    assert disabled.webhook.last_error == "the receiver answered 410 Gone"
    await place(orders, "shop-7")
    assert len(receiver.posts) == 1
    enabled = await orders.update_webhook("gone", url=url_of(receiver))
    assert enabled.webhook.state == WebhookState.WEBHOOK_STATE_ACTIVE
    await receiver.wait_for(3)


async def test_open_circuit_holds_deliveries_back_without_counting_attempts(
    orders: OrderTrail, receiver: Receiver
) -> None:
    receiver.default = status(503)
    await orders.create_webhook("broken", url_of(receiver), customer_id="shop-8", max_in_flight=1)
    ids = [await place(orders, "shop-8") for _ in range(8)]
    opened = await wait_for_state(orders, "broken", WebhookState.WEBHOOK_STATE_CIRCUIT_OPEN)
    assert opened.webhook.last_error == "the receiver answered with status 503"
    assert opened.webhook.HasField("next_attempt_time")
    attempts_before = [delivery async for delivery in orders.webhook_deliveries("broken")]
    count = len(receiver.posts)
    receiver.default = status(200)
    await orders.update_webhook("broken", url=url_of(receiver, "/repaired"))
    await receiver.wait_for(count + len(ids))
    assert {post.path for post in receiver.posts[:count]} == {"/orders"}
    assert {post.path for post in receiver.posts[count:]} == {"/repaired"}
    assert len(attempts_before) < len(ids)
    assert (await orders.subscription("broken")).webhook.state == WebhookState.WEBHOOK_STATE_ACTIVE


async def test_deliveries_of_different_orders_are_in_flight_at_once(orders: OrderTrail, receiver: Receiver) -> None:
    receiver.default = receiver.hang
    await orders.create_webhook("parallel", url_of(receiver), customer_id="shop-9", max_in_flight=3)
    order_id = await place(orders, "shop-9")
    await orders.confirm(order_id)
    for _ in range(4):
        await place(orders, "shop-9")
    posts = await receiver.wait_for(3)
    subscription = await orders.subscription("parallel")
    assert (subscription.in_flight_count, len(receiver.posts)) == (3, 3)
    assert {json.loads(post.body)["type"] for post in posts} == {"ordertrail.v1.OrderPlaced"}
    await orders.delete_subscription("parallel")
