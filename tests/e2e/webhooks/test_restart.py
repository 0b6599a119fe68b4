"""What a webhook keeps when its server is killed or replaced, and what it refuses without permission."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from resource import RLIMIT_NOFILE, prlimit

import pytest
from standardwebhooks import Webhook
from tests.e2e.generations.changed_release import ChangedRelease, change_release
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.webhooks.receiver import Receiver, run_receiver, status

from ordertrail.client import OrderTrail, connect, line
from ordertrail.v1.webhook_pb2 import WebhookDeliveryState as State

LOOPBACK = {"ORDERTRAIL_WEBHOOK_ALLOW": "127.0.0.0/8"}
OTHER_BODY = """

_prepare_as_before = prepare


def prepare(event: HistoryEvent, position: int, delivery_id: str) -> Prepared:
    prepared = _prepare_as_before(event, position, delivery_id)
    return prepared._replace(body=prepared.body + " ")
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server that may post to loopback, not started."""
    with closing(RunningServer(tmp_path / "data", LOOPBACK)) as server:
        yield server


def write_other_release(folder: Path) -> ChangedRelease:
    """Return a release that folds by another rule, and writes other bodies."""
    folder.mkdir()
    release = change_release(folder)
    with (folder / "server" / "ordertrail_server" / "webhooks" / "body.py").open("a") as source:
        source.write(OTHER_BODY)
    return ChangedRelease(release.environment | LOOPBACK)


async def place(orders: OrderTrail) -> str:
    return (await orders.place("shop-1", [line("p_1", 3, "5.20", "EUR")])).order_id


async def test_body_and_id_outlive_a_kill_and_an_upgrade(server: RunningServer, tmp_path: Path) -> None:
    async with run_receiver() as receiver:
        receiver.answers = [status(500)]
        secret = await start_and_create(server, f"http://127.0.0.1:{receiver.port}/", receiver)
        server.kill()
        with closing(write_other_release(tmp_path / "other").server(server.data, server.address)) as upgraded:
            await asyncio.to_thread(upgraded.start)
            first, second = (await receiver.wait_for(2))[:2]
            assert (first.delivery_id, first.body) == (second.delivery_id, second.body)
            assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
            Webhook(secret).verify(second.body, dict(second.headers))
            await wait_until_serving(upgraded.address)
            async with connect(upgraded.address) as orders:
                await place(orders)
            assert (await receiver.wait_for(3))[2].body.endswith("} ")
            assert await asyncio.to_thread(upgraded.stop) == 0


async def start_and_create(server: RunningServer, url: str, receiver: Receiver) -> str:
    """Start a server with a webhook and an order, and return the secret once the first POST has arrived."""
    await asyncio.to_thread(server.start)
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        created = await orders.create_webhook("shop", url)
        await place(orders)
        await receiver.wait_for(1)
    return created.webhook_secret


async def test_delivery_log_outlives_a_stop(server: RunningServer) -> None:
    async with run_receiver() as receiver:
        await start_and_create(server, f"http://127.0.0.1:{receiver.port}/", receiver)
        assert await asyncio.to_thread(server.stop) == 0
        await asyncio.to_thread(server.start)
        await wait_until_serving(server.address)
        async with connect(server.address) as orders:
            [delivery] = [delivery async for delivery in orders.webhook_deliveries("shop")]
            assert delivery.state == State.WEBHOOK_DELIVERY_STATE_DELIVERED
            await orders.redeliver("shop", delivery.delivery_id)
        first, second = receiver.posts
        assert (first.delivery_id, first.body) == (second.delivery_id, second.body)


async def test_server_stops_soon_although_a_receiver_hangs(server: RunningServer) -> None:
    async with run_receiver() as receiver:
        receiver.answers = [receiver.hang]
        await start_and_create(server, f"http://127.0.0.1:{receiver.port}/", receiver)
        begin = asyncio.get_running_loop().time()
        assert await asyncio.to_thread(server.stop) == 0
        assert asyncio.get_running_loop().time() - begin < 10.0
        assert server.faults == []
        await asyncio.to_thread(server.start)
        first, second = await receiver.wait_for(2)
        assert (first.delivery_id, first.body) == (second.delivery_id, second.body)


async def test_receiver_that_hangs_takes_only_its_share_of_the_descriptors(server: RunningServer) -> None:
    """The server may open 128 files, of which its 8 webhooks may take 64, or 8 each."""
    async with run_receiver() as hanging, run_receiver() as receiver:
        hanging.default = hanging.hang
        server.spawn()
        prlimit(server.pid, RLIMIT_NOFILE, (128, 128))
        await asyncio.to_thread(server.wait_until_listening)
        await wait_until_serving(server.address)
        async with connect(server.address) as orders:
            for number in range(7):
                url = f"http://127.0.0.1:{hanging.port}/"
                await orders.create_webhook(f"hanging-{number}", url, max_in_flight=20)
            await orders.create_webhook("other", f"http://127.0.0.1:{receiver.port}/")
            for _ in range(21):
                await place(orders)
            assert len(await receiver.wait_for(21)) == 21
            await hanging.wait_for(8 * 7)
            in_flight = [(await orders.subscription(f"hanging-{number}")).in_flight_count for number in range(7)]
            assert in_flight == [8] * 7
            assert [attempt async for attempt in orders.webhook_deliveries("other", failed=True)] == []
        assert await asyncio.to_thread(server.stop) == 0
        assert server.faults == []


async def test_host_on_loopback_is_refused_without_permission(tmp_path: Path) -> None:
    async with run_receiver() as receiver:
        with closing(RunningServer(tmp_path / "data")) as server:
            await asyncio.to_thread(server.start)
            await wait_until_serving(server.address)
            async with connect(server.address) as orders, asyncio.timeout(60):
                await orders.create_webhook("local", f"https://localhost:{receiver.port}/", max_attempts=1)
                await place(orders)
                while not (log := [delivery async for delivery in orders.webhook_deliveries("local", failed=True)]):
                    pass
            assert "private address" in log[0].attempts[0].error
            assert receiver.posts == []


def test_file_of_authorities_must_be_readable(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    server = RunningServer(tmp_path / "data", {"ORDERTRAIL_WEBHOOK_CA": str(tmp_path / "ca.pem")})
    server.spawn()
    assert server.wait() == 1
    assert "--webhook-ca" in server.stderr
    assert "Traceback" not in server.stderr
