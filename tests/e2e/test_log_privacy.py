"""No log line has personal data, a token or a secret: the values that callers send are in none, at any level."""

from contextlib import aclosing, closing
from pathlib import Path

import grpc
import pytest
from tests.cli.command_line import CommandLine
from tests.e2e.log_lines import create_logging_server
from tests.e2e.running_server import RunningServer, read_start_refusal, wait_until_serving
from tests.ports import find_free_port
from tests.webhooks.receiver import run_receiver, status

from ordertrail.client import OrderTrail, connect, line
from ordertrail.errors import OrderTrailError
from ordertrail.v1.commands_pb2 import ConfirmOrderRequest, PlaceOrderRequest

CANARY = "canary"
CUSTOMER, PRODUCT, REASON, TOKEN = (f"{CANARY}-{name}" for name in ("customer", "product", "reason", "token"))


def build_order_of(customer_id: str) -> PlaceOrderRequest:
    return PlaceOrderRequest(customer_id=customer_id, lines=[line(PRODUCT, 1, "5.20", "EUR")])


async def send_commands(orders: OrderTrail) -> str:
    """Send accepted and refused commands, and return the consistency token of the first one."""
    receipt = await orders.place(CUSTOMER, [line(PRODUCT, 1, "5.20", "EUR")], order_id="order-1")
    await orders.cancel("order-1", reason=REASON)
    with pytest.raises(OrderTrailError):
        await orders.cancel("order-1", reason=REASON)
    with pytest.raises(OrderTrailError):
        await orders.place(f"{CUSTOMER}\n", [line(PRODUCT, 1, "5.20", "EUR")])
    await orders.submit(build_order_of(CUSTOMER), ConfirmOrderRequest(order_id="order-1"))
    return receipt.consistency_token


async def send_batch(orders: OrderTrail) -> None:
    requests = [build_order_of(customer_id) for customer_id in (CUSTOMER, f"{CUSTOMER}\n")]
    assert len([answer async for answer in orders.execute(requests)]) == 2


async def send_queries(orders: OrderTrail, token: str) -> None:
    assert [event async for event in orders.list_events(customer_id=CUSTOMER, at_least_as_fresh=[token])]
    async with aclosing(orders.stream(customer_id=CUSTOMER, follow=True)) as stream:
        await anext(stream)
    with pytest.raises(OrderTrailError):
        await orders.get("order-1", at_least_as_fresh=[TOKEN])


async def fail_deliveries(orders: OrderTrail) -> str:
    """Let a webhook's receiver fail, and return the secret of the webhook."""
    async with run_receiver() as receiver:
        receiver.default = status(500, f"{CANARY}-body")
        url = f"http://127.0.0.1:{receiver.port}/{CANARY}-path?key={TOKEN}"
        await orders.create_webhook("webhook", url, customer_id=CUSTOMER)
        await receiver.wait_for(1)
    rotated = await orders.rotate_webhook_secret("webhook")
    return rotated.value


async def send_credentials(server: RunningServer) -> None:
    """Send a request that is no message, with credentials as metadata."""
    metadata = (("authorization", f"Bearer {TOKEN}"), ("ordertrail-actor", "clerk-7"))
    async with grpc.aio.insecure_channel(server.address) as channel:
        place = channel.unary_unary("/ordertrail.v1.OrderCommandService/PlaceOrder", None, None)
        with pytest.raises(grpc.aio.AioRpcError):
            await place(b"\xff" + CANARY.encode(), metadata=metadata)


def run_commands(server: RunningServer, folder: Path) -> str:
    """Run commands that fail, and return what they print on stderr."""
    command_line = CommandLine(server.address)
    documents = folder / "orders.jsonl"
    documents.write_text(f'{{"id": "{CANARY}-document", "company": "{CUSTOMER}"}}\n{CANARY}\n')
    runs = [
        command_line.run("import-json", str(documents)),
        command_line.run("webhooks", "create", "other", f"ftp://user:{CANARY}-password@host/"),
        command_line.run("history", "unknown", "--customer", CUSTOMER),
    ]
    assert all(run.returncode for run in runs)
    return "".join(run.stderr for run in runs)


@pytest.mark.parametrize("log_format", ["json", "text"])
async def test_no_line_has_what_callers_send(log_format: str, tmp_path: Path) -> None:
    settings = {"LOG_FORMAT": log_format, "LOG_LEVEL": "debug", "WEBHOOK_ALLOW": "127.0.0.0/8"}
    with closing(create_logging_server(tmp_path / "data", **settings).start()) as server:
        await wait_until_serving(server.address)
        async with connect(server.address) as orders:
            token = await send_commands(orders)
            await send_batch(orders)
            await send_queries(orders, token)
            secret = await fail_deliveries(orders)
        await send_credentials(server)
        printed = run_commands(server, tmp_path)
        assert server.stop() == 0
    assert secret
    for text in (CANARY, "whsec_", secret):
        assert text not in server.stderr
        assert text not in printed
    assert "order-1" in server.stderr
    assert "CreateSubscription" in server.stderr
    assert "debug" in server.stderr.lower()


def test_no_line_has_the_password_of_the_brokers(tmp_path: Path) -> None:
    settings = {
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "debug",
        "LOG": "kafka",
        "BOOTSTRAP": f"127.0.0.1:{find_free_port()}",
        "BROKER_WAIT_SECONDS": "2",
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_MECHANISMS": "PLAIN",
        "KAFKA_SASL_USERNAME": "ordertrail",
        "KAFKA_SASL_PASSWORD": f"{CANARY}-password",
        "KAFKA_LOG_LEVEL": "7",
        "KAFKA_DEBUG": "all",
    }
    environment = {f"ORDERTRAIL_{name}": value for name, value in settings.items()}
    lines = read_start_refusal(tmp_path / "data", environment=environment)
    assert "sasl_plaintext://" in lines
    assert CANARY not in lines
