"""The receiver of the page on webhooks runs as printed, and verifies what a server posts."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from tests.docs.pages import ROOT
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.ports import find_free_port

from ordertrail.client import connect, line
from ordertrail_server.subscriptions.webhook_state import MAX_ATTEMPTS_KEPT, MAX_FINISHED
from ordertrail_server.webhooks.circuit_breaker import FAILURES
from ordertrail_server.webhooks.retry import MAX_ATTEMPTS
from ordertrail_server.webhooks.webhook_config import MAX_IN_FLIGHT, TIMEOUT_S
from ordertrail_server.webhooks.webhooks import MAX_SECRETS, MAX_WEBHOOKS

PAGE = (ROOT / "docs" / "webhooks.md").read_text()


@asynccontextmanager
async def run_receiver(port: int, secret: str) -> AsyncIterator[Process]:
    """Run the program of the page on a port."""
    [program] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert "8080" in program
    environment = {**os.environ, "WEBHOOK_SECRET": secret}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program.replace("8080", str(port)), stdout=PIPE, stderr=PIPE, env=environment
    )
    try:
        yield process
    finally:
        process.kill()
        await process.communicate()


async def test_receiver_of_the_page_processes_each_event_once(tmp_path: Path) -> None:
    port = find_free_port()
    with closing(RunningServer(tmp_path / "data", {"ORDERTRAIL_WEBHOOK_ALLOW": "127.0.0.0/8"})) as server:
        await asyncio.to_thread(server.start)
        await wait_until_serving(server.address)
        async with connect(server.address) as orders, asyncio.timeout(60):
            created = await orders.create_webhook("shop", f"http://127.0.0.1:{port}/")
            async with run_receiver(port, created.webhook_secret) as receiver:
                order_id = (await orders.place("shop-1", [line("p_1", 3, "5.20", "EUR")])).order_id
                assert receiver.stdout is not None
                assert (await receiver.stdout.readline()).decode() == f"ordertrail.v1.OrderPlaced {order_id}\n"
                while not (log := [d async for d in orders.webhook_deliveries("shop") if d.attempts[-1].status == 204]):
                    pass
                assert (await orders.redeliver("shop", log[0].delivery_id)).status == 204
                await orders.confirm(order_id)
                assert (await receiver.stdout.readline()).decode() == f"ordertrail.v1.OrderConfirmed {order_id}\n"
            async with run_receiver(port, "whsec_AAAA"):
                while (await orders.redeliver("shop", log[0].delivery_id)).status != 401:
                    pass


def test_numbers_of_the_page_are_those_of_the_server() -> None:
    text = " ".join(PAGE.split())
    assert f"`timeout` ({TIMEOUT_S:.0f} s)" in text
    assert f"`max_in_flight` ({MAX_IN_FLIGHT})" in text
    assert f"`max_attempts` ({MAX_ATTEMPTS})" in text
    assert f"the last {MAX_FINISHED} finished ones" in text
    assert f"its last {MAX_ATTEMPTS_KEPT} attempts" in text
    assert f"If {FAILURES} different deliveries fail" in text
    assert f"at most {MAX_SECRETS} secrets" in text
    assert f"| webhooks of a server | {MAX_WEBHOOKS} |" in text
