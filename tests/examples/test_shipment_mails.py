"""The example that mails each shipment, with a server and an SMTP server: one mail each, whatever fails in between."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.e2e.running_server import RunningServer, build_environment, wait_until_serving
from tests.examples.mail_program import MailProgram
from tests.examples.mail_server import MailServer

from ordertrail.client import OrderTrail, connect, line, shipped
from ordertrail.v1.order_events_pb2 import OrderEventType

SHIPPED = OrderEventType.ORDER_EVENT_TYPE_ORDER_SHIPPED


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server for all tests of this file. Each test has a customer and a subscription of its own."""
    server = RunningServer(tmp_path_factory.mktemp("mails") / "data").start()
    yield server
    assert server.stop() == 0, server.stderr
    assert server.faults == []


@pytest.fixture
async def orders(shared: RunningServer) -> AsyncIterator[OrderTrail]:
    await wait_until_serving(shared.address)
    async with connect(shared.address) as client:
        yield client


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    server = MailServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def customer_id(orders: OrderTrail, request: pytest.FixtureRequest) -> str:
    """A customer of the test, whose shipments a subscription of the same name delivers."""
    name = request.node.name.replace("_", "-")[-60:].strip("-")
    await orders.create_subscription(name, customer_id=name, event_types=[SHIPPED], max_attempts=1_000)
    return str(name)


@pytest.fixture
def program(shared: RunningServer, mail_server: MailServer, customer_id: str, tmp_path: Path) -> MailProgram:
    """The program, not started yet. Its address book has the customer."""
    program = MailProgram(
        tmp_path, "--target", shared.address, "--smtp", mail_server.address, "--subscription", customer_id
    )
    program.addresses.write_text(json.dumps({customer_id: "orders@shop.example"}))
    return program


async def ship(orders: OrderTrail, customer_id: str, *quantities: int) -> str:
    """Place an order and ship it in parts of these quantities. Returns its id."""
    order = await orders.place(customer_id, [line("p_1", sum(quantities), "5.20", "EUR")])
    await orders.confirm(order.order_id)
    for quantity in quantities:
        await orders.ship(order.order_id, [shipped("p_1", quantity)])
    return order.order_id


async def wait_until_done(orders: OrderTrail, name: str) -> None:
    """Wait until all events of a subscription are acknowledged."""
    async with asyncio.timeout(60):
        lag_count = -1
        while lag_count:
            lag_count = (await orders.subscription(name)).lag_count
            await asyncio.sleep(0.02)


async def test_each_shipment_gives_its_customer_one_mail(
    orders: OrderTrail, mail_server: MailServer, program: MailProgram, customer_id: str
) -> None:
    order_id = await ship(orders, customer_id, 2, 1)
    async with program:
        mails = [await mail_server.next_mail() for _ in range(2)]
        await wait_until_done(orders, customer_id)
    assert mail_server.mails.empty()
    for mail, quantity in zip(mails, (2, 1), strict=True):
        assert (mail["From"], mail["To"]) == ("shipping@example.com", "orders@shop.example")
        assert mail["Subject"] == f"Order {order_id}: goods are on their way"
        text = f"We have shipped these goods of your order {order_id}:\n\n  {quantity} x p_1\n"
        assert mail.get_content().splitlines() == text.splitlines()
    events = [event async for event in orders.list_events(order_id=order_id, event_types=[SHIPPED])]
    assert [mail["Message-ID"] for mail in mails] == [f"<{event.event_id}@example.com>" for event in events]


async def test_mail_is_sent_once_the_smtp_server_is_back_and_accepts_it(
    orders: OrderTrail, mail_server: MailServer, program: MailProgram, customer_id: str
) -> None:
    await mail_server.stop()
    order_id = await ship(orders, customer_id, 1)
    async with program:
        assert "Connection refused" in await program.read_line()
        mail_server.refusals.append("451 Try again later")
        await mail_server.start()
        while "Try again later" not in (refusal := await program.read_line()):
            assert "Connection refused" in refusal
        assert order_id in (await mail_server.next_mail())["Subject"]
        await wait_until_done(orders, customer_id)
    assert mail_server.mails.empty()


async def test_refused_mail_parks_its_order_and_is_sent_after_a_replay(
    orders: OrderTrail, mail_server: MailServer, program: MailProgram, customer_id: str
) -> None:
    await orders.update_subscription(customer_id, max_attempts=2)
    mail_server.refusals += ["550 No such mailbox"] * 2
    refused_id = await ship(orders, customer_id, 1)
    async with program:
        assert [refused_id in await program.read_line() for _ in range(2)] == [True, True]
        accepted_id = await ship(orders, customer_id, 1)
        assert accepted_id in (await mail_server.next_mail())["Subject"]
        await wait_until_done(orders, customer_id)
        [parked] = [order async for order in orders.parked_deliveries(customer_id)]
        assert (parked.order_id, parked.attempt_count) == (refused_id, 2)
        assert "550" in parked.reason
        assert "No such mailbox" in parked.reason
        await orders.replay_parked(customer_id, refused_id)
        assert refused_id in (await mail_server.next_mail())["Subject"]
        await wait_until_done(orders, customer_id)
    assert mail_server.mails.empty()


async def test_customer_without_an_address_gets_the_mail_once_it_is_added(
    orders: OrderTrail, mail_server: MailServer, program: MailProgram, customer_id: str
) -> None:
    addresses = program.addresses.read_text()
    program.addresses.write_text("{}")
    await ship(orders, customer_id, 1)
    async with program:
        assert f"customer '{customer_id}' has no address in addresses.json; add it" in await program.read_line()
        program.addresses.write_text(addresses)
        assert (await mail_server.next_mail())["To"] == "orders@shop.example"
        await wait_until_done(orders, customer_id)


async def test_no_mail_is_sent_while_its_attempt_cannot_be_noted(
    orders: OrderTrail, mail_server: MailServer, program: MailProgram, customer_id: str
) -> None:
    await ship(orders, customer_id, 1)
    async with program:
        await mail_server.next_mail()
        with closing(sqlite3.connect(program.notes)) as database:
            database.execute(
                "CREATE TRIGGER full BEFORE INSERT ON sent_mails BEGIN SELECT RAISE(FAIL, 'disk full'); END"
            )
            await ship(orders, customer_id, 1)
            assert "disk full" in await program.read_line()
            assert mail_server.mails.empty()
            database.execute("DROP TRIGGER full")
        await mail_server.next_mail()
        await wait_until_done(orders, customer_id)
    assert mail_server.mails.empty()


async def test_kill_before_the_smtp_answer_repeats_the_mail_with_its_message_id(
    orders: OrderTrail, mail_server: MailServer, program: MailProgram, customer_id: str
) -> None:
    mail_server.before_answer = program.kill
    await ship(orders, customer_id, 1)
    async with program:
        first_mail = await mail_server.next_mail()
        assert await program.wait() == -signal.SIGKILL
    mail_server.before_answer = lambda: None
    async with program:
        assert bytes(await mail_server.next_mail()) == bytes(first_mail)
        await wait_until_done(orders, customer_id)
    assert first_mail["Message-ID"]
    assert mail_server.mails.empty()


async def test_kill_between_the_mail_and_its_acknowledgement_repeats_no_mail(
    shared: RunningServer, orders: OrderTrail, mail_server: MailServer, program: MailProgram, customer_id: str
) -> None:
    # Without a server, nothing can be acknowledged.
    mail_server.before_answer = shared.kill
    await ship(orders, customer_id, 1)
    async with program:
        await mail_server.next_mail()
        async with asyncio.timeout(60):
            await mail_server.has_ended_session.wait()
        program.kill()
        assert await program.wait() == -signal.SIGKILL
    await asyncio.to_thread(shared.start)
    await wait_until_serving(shared.address)
    assert (await orders.subscription(customer_id)).lag_count > 0
    async with program:
        await wait_until_done(orders, customer_id)
    assert mail_server.mails.empty()


async def test_rebuilt_projections_and_a_new_subscription_repeat_no_mail(
    shared: RunningServer, orders: OrderTrail, mail_server: MailServer, program: MailProgram, customer_id: str
) -> None:
    first_id = await ship(orders, customer_id, 1)
    async with program:
        assert first_id in (await mail_server.next_mail())["Subject"]
        await wait_until_done(orders, customer_id)
        assert await asyncio.to_thread(shared.stop) == 0
        await asyncio.to_thread(rebuild_projections, shared)
        await asyncio.to_thread(shared.start)
        await wait_until_serving(shared.address)
        second_id = await ship(orders, customer_id, 1)
        assert second_id in (await mail_server.next_mail())["Subject"]
        await wait_until_done(orders, customer_id)
    await orders.delete_subscription(customer_id)
    await orders.create_subscription(customer_id, customer_id=customer_id, event_types=[SHIPPED])
    assert (await orders.subscription(customer_id)).lag_count > 0
    async with program:
        await wait_until_done(orders, customer_id)
    assert mail_server.mails.empty()


def rebuild_projections(server: RunningServer) -> None:
    """Build all projections again from the log, and promote them."""
    command = [sys.executable, "-m", "ordertrail_server.cli", "rebuild", "--data", str(server.data)]
    subprocess.run(command, env=build_environment(), check=True, capture_output=True, timeout=120)
