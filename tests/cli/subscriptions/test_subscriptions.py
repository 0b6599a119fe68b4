import asyncio

from tests.cli.command_line import CommandLine

from ordertrail.client import connect


async def reject_first_event(target: str, name: str) -> str:
    """Reject the first event of a subscription once; return the id of its order."""
    async with asyncio.timeout(60), connect(target) as client, client.consume(name, max_events=1) as consumer:
        delivery = await anext(consumer)
        await consumer.reject(delivery, reason="no\x1b mail server")
    return delivery.event.order_id


def test_subscription_is_created_listed_and_deleted(ordertrail: CommandLine) -> None:
    arguments = ("--customer", "shop-cli", "--type", "order-shipped", "--now", "--max-attempts", "3")
    [created] = ordertrail.lines("subscriptions", "create", "mails", *arguments)
    assert created["filter"] == {"customerId": "shop-cli", "eventTypes": ["ORDER_EVENT_TYPE_ORDER_SHIPPED"]}
    assert created["maxAttempts"] == 3
    again = ordertrail.run("subscriptions", "create", "mails", *arguments)
    assert (again.returncode, again.stdout) == (0, "Subscription mails exists.\n")
    assert "mails" in [subscription["name"] for subscription in ordertrail.lines("subscriptions", "list")]
    headings, _, row = [line for line in ordertrail.run("subscriptions", "show", "mails").stdout.splitlines() if line]
    assert headings.split() == ["Name", "State", "Lag", "Lag", "s", "In", "flight", "Consumers", "Parked"]
    assert row.split()[:2] == ["mails", "active"]
    assert ordertrail.run("subscriptions", "delete", "mails").stdout == "Subscription mails is deleted.\n"
    missing = ordertrail.run("subscriptions", "show", "mails")
    assert missing.returncode == 1
    assert missing.stderr.startswith("Error: There is no subscription mails. [SUBSCRIPTION_NOT_FOUND]")


def test_parked_order_is_replayed_and_skipped(ordertrail: CommandLine) -> None:
    ordertrail.lines("subscriptions", "create", "parking", "--max-attempts", "1", "--now")
    ordertrail.lines("produce", "1", "--life", "0")  # nothing else is handed out
    order_id = asyncio.run(reject_first_event(ordertrail.target, "parking"))
    [parked] = ordertrail.lines("subscriptions", "parked", "parking")
    assert (parked["orderId"], parked["attemptCount"]) == (order_id, 1)
    assert r"no\x1b mail server" in ordertrail.run("subscriptions", "parked", "parking").stdout
    assert ordertrail.run("subscriptions", "replay", "parking", order_id).stdout == f"{order_id} is handed out again.\n"
    assert asyncio.run(reject_first_event(ordertrail.target, "parking")) == order_id
    skip = ("subscriptions", "skip", "parking", order_id, parked["deliveryId"])
    assert ordertrail.run(*skip).stdout == f"{order_id} is handed out from the event behind it.\n"
    assert ordertrail.run(*skip).returncode == 1


def test_start_of_a_subscription_is_given_once(ordertrail: CommandLine) -> None:
    result = ordertrail.run("subscriptions", "create", "twice", "--now", "--after", "token")
    assert result.returncode == 2
    assert "--now and --after exclude each other." in result.stderr
