"""The definition of a webhook: its URL, its secrets, and its end."""

import pytest
from standardwebhooks import Webhook
from tests.e2e.webhooks.webhook_state import place, url_of, wait_for_delivery
from tests.webhooks.receiver import Receiver, status

from ordertrail.client import OrderTrail
from ordertrail.errors import InvalidRequest, NotFound, Refused
from ordertrail.v1.webhook_pb2 import WebhookDeliveryState as State

DELIVERED = State.WEBHOOK_DELIVERY_STATE_DELIVERED


async def test_secret_is_shown_once(orders: OrderTrail, receiver: Receiver) -> None:
    first = await orders.create_webhook("once", url_of(receiver), customer_id="nobody")
    again = await orders.create_webhook("once", url_of(receiver), customer_id="nobody")
    assert first.webhook_secret.startswith("whsec_")
    assert (again.webhook_secret, again.subscription.uid) == ("", first.subscription.uid)
    assert first.webhook_secret not in str(await orders.subscription("once"))
    with pytest.raises(Refused, match="exists, with another"):
        await orders.create_webhook("once", url_of(receiver, "/other"), customer_id="nobody")
    with pytest.raises(Refused, match="exists, with another"):
        await orders.create_subscription("once", customer_id="nobody")


async def test_webhook_has_at_most_three_secrets(orders: OrderTrail, receiver: Receiver) -> None:
    await orders.create_webhook("secrets", url_of(receiver), customer_id="nobody", sign_with_ed25519=True)
    values = {(await orders.rotate_webhook_secret("secrets")).value for _ in range(2)}
    with pytest.raises(Refused, match="revoke one"):
        await orders.rotate_webhook_secret("secrets")
    secrets = (await orders.subscription("secrets")).webhook.secrets
    assert len(values) == 2
    assert len({secret.ed25519_public_key for secret in secrets}) == 3


async def test_url_and_secrets_are_read_again_before_each_attempt(orders: OrderTrail, receiver: Receiver) -> None:
    receiver.default = status(500)
    created = await orders.create_webhook("changed", url_of(receiver, "/old"), customer_id="shop-3")
    await place(orders, "shop-3")
    [first] = await receiver.wait_for(1)
    rotated = await orders.rotate_webhook_secret("changed")
    [old, new] = (await orders.subscription("changed")).webhook.secrets
    assert new.id == rotated.secret.id
    receiver.default = status(200)
    await orders.update_webhook("changed", url=url_of(receiver, "/new"))
    await wait_for_delivery(orders, "changed", DELIVERED)
    last = receiver.posts[-1]
    assert (first.path, last.path, last.body) == ("/old", "/new", first.body)
    for value in (created.webhook_secret, rotated.value):
        Webhook(value).verify(last.body, dict(last.headers))
    await orders.revoke_webhook_secret("changed", old.id)
    with pytest.raises(Refused, match="only secret") as refusal:
        await orders.revoke_webhook_secret("changed", new.id)
    assert refusal.value.reason == "WEBHOOK_SECRET_REFUSED"
    await orders.redeliver("changed", last.delivery_id)
    assert len(receiver.posts[-1].headers["webhook-signature"].split()) == 1
    Webhook(rotated.value).verify(last.body, dict(receiver.posts[-1].headers))


async def test_deleted_webhook_posts_nothing_more(orders: OrderTrail, receiver: Receiver) -> None:
    receiver.default = status(500)
    await orders.create_webhook("deleted", url_of(receiver, "/deleted"), customer_id="shop-4")
    await place(orders, "shop-4")
    await receiver.wait_for(1)
    await orders.delete_subscription("deleted")
    count = len(receiver.posts)
    await orders.create_webhook("deleted", url_of(receiver, "/again"), customer_id="shop-4")
    await receiver.wait_for(count + 2)  # by then the deleted webhook would have repeated its delivery too
    assert {post.path for post in receiver.posts[count:]} == {"/again"}


async def test_url_that_is_not_allowed_is_refused(orders: OrderTrail) -> None:
    for url in ("", "https://10.0.0.1/", "http://8.8.8.8/", "https://user@shop.example/", "ftp://shop.example/"):
        with pytest.raises(InvalidRequest, match=r"subscription\.webhook\.url"):
            await orders.create_webhook("refused", url)
    with pytest.raises(NotFound):
        await orders.subscription("refused")


async def test_subscription_has_consumers_or_a_webhook(orders: OrderTrail, receiver: Receiver) -> None:
    await orders.create_webhook("pushing", url_of(receiver), customer_id="nobody")
    await orders.create_subscription("pulling", customer_id="nobody")
    with pytest.raises(Refused) as refusal:
        async with orders.consume("pushing") as consumer:
            await anext(consumer)
    assert refusal.value.reason == "SUBSCRIPTION_HAS_WEBHOOK"
    with pytest.raises(Refused) as refusal:
        await orders.rotate_webhook_secret("pulling")
    assert refusal.value.reason == "SUBSCRIPTION_HAS_NO_WEBHOOK"
    with pytest.raises(Refused) as refusal:
        await orders.update_webhook("pulling", url=url_of(receiver))
    assert refusal.value.reason == "SUBSCRIPTION_HAS_NO_WEBHOOK"
    with pytest.raises(InvalidRequest, match="update_mask"):
        await orders.update_subscription("pushing", acknowledge_seconds=5)
