"""`ordertrail webhooks`, with a receiver of its own."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command_line import CommandLine
from tests.e2e.running_server import RunningServer
from tests.webhooks.receiver import Receiver, run_receiver, status

from ordertrail.client import connect, line as order_line


@pytest.fixture
def webhook_line(tmp_path: Path) -> Iterator[CommandLine]:
    """The command line of a server that may post to loopback."""
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_WEBHOOK_ALLOW": "127.0.0.1/32"}).start()
    yield CommandLine(server.address)
    assert server.stop() == 0
    assert server.faults == []


async def test_webhook_is_created_operated_and_deleted(webhook_line: CommandLine) -> None:
    async with run_receiver() as receiver:
        await asyncio.to_thread(operate, webhook_line, receiver, asyncio.get_running_loop())


def operate(line: CommandLine, receiver: Receiver, loop: asyncio.AbstractEventLoop) -> None:
    url = f"http://127.0.0.1:{receiver.port}/orders"
    created = line.run("webhooks", "create", "shop", url, "--type", "order-placed", "--ed25519")
    assert "not shown again: whsec_" in created.stdout
    assert line.run("webhooks", "create", "shop", url, "--type", "order-placed", "--ed25519").stdout == (
        "Webhook shop exists.\n"
    )
    receiver.answers = [status(500)]
    asyncio.run_coroutine_threadsafe(place(line.target), loop).result()
    asyncio.run_coroutine_threadsafe(receiver.wait_for(2), loop).result()
    [delivery] = wait_for_deliveries(line, "shop", "WEBHOOK_DELIVERY_STATE_DELIVERED")
    assert [attempt.get("status") for attempt in delivery["attempts"]] == [500, 200]
    row = line.run("webhooks", "deliveries", "shop").stdout.split()
    assert row[-5:] == ["OrderPlaced", "delivered", "2", "status", "200"]
    assert line.lines("webhooks", "deliveries", "shop", "--failed") == []

    redelivered = line.run("webhooks", "redeliver", "shop", delivery["deliveryId"])
    assert redelivered.stdout == f"{delivery['deliveryId']}: status 200\n", redelivered.stderr
    receiver.answers = [status(503)]
    assert line.run("webhooks", "redeliver", "shop", delivery["deliveryId"]).returncode == 1

    assert "not shown again: whsec_" in line.run("webhooks", "rotate", "shop").stdout
    [subscription] = line.lines("webhooks", "show", "shop")
    [first, second] = subscription["webhook"]["secrets"]
    text = line.run("webhooks", "show", "shop").stdout
    assert (second["id"] in text, "whpk_" in text, "whsec_" in text, "active" in text) == (True, True, False, True)
    assert line.run("webhooks", "revoke", "shop", first["id"]).stdout == f"Secret {first['id']} is revoked.\n"
    assert line.run("webhooks", "revoke", "shop", second["id"]).returncode == 1

    assert line.run("webhooks", "update", "shop").returncode == 2
    [updated] = line.lines("webhooks", "update", "shop", "--attempt-seconds", "30", "--max-attempts", "3")
    assert (updated["webhook"]["timeout"], updated["maxAttempts"]) == ("30s", 3)
    assert line.run("webhooks", "show", "nobody").returncode == 1
    assert line.run("subscriptions", "delete", "shop").returncode == 0


async def place(target: str) -> None:
    async with connect(target) as client:
        await client.place("shop-1", [order_line("p_1", 1, "1.00", "EUR")])


def wait_for_deliveries(line: CommandLine, name: str, state: str) -> list[Any]:
    for _ in range(100):
        deliveries = line.lines("webhooks", "deliveries", name)
        if {delivery["state"] for delivery in deliveries} == {state}:
            return deliveries
    raise AssertionError(f"no delivery is {state}: {deliveries}")
