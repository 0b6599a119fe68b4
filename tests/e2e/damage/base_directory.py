"""A data directory with many orders, some of them parked, as a clean stop or a kill leaves it."""

import asyncio
import shutil
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.e2e.damage.copied_server import ENVIRONMENT, run_copy
from tests.e2e.damage.fixed_answers import FixedAnswers, record_answers
from tests.e2e.parked import build_parked_log, make_log
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order_commands
from tests.trials import choose_size

from ordertrail.client import connect
from ordertrail.v1.order_history_service_pb2 import ListOrdersRequest

ORDERS = choose_size(250, 600, 600)
FURTHER_ORDERS = 20


def order_id(number: int) -> str:
    """Return the id of an order of the directories."""
    return f"base-{number}"


class Base(NamedTuple):
    """The directories of a stopped and of a killed server, and their answers."""

    stopped: Path
    killed: Path
    answers: FixedAnswers


async def build_base(directory: Path) -> Base:
    """Build the directories, and record the answers of a server without damage."""
    stopped, killed = await _build_directories(directory)
    async with run_copy(stopped, directory / "recorded") as (server, channel):
        server.wait_until_listening()
        order_ids = [order_id(number) for number in range(ORDERS)]
        first_commands = [next(build_order_commands(order_id(number), Random(number))) for number in range(ORDERS)]
        return Base(stopped, killed, await record_answers(channel, order_ids, first_commands))


async def _build_directories(directory: Path) -> tuple[Path, Path]:
    """Return two data directories with the same orders: of a server that was stopped, and of one that was killed."""
    stopped, killed = directory / "stopped", directory / "killed"
    await asyncio.to_thread(make_log, stopped, build_parked_log().records[0])
    server = RunningServer(stopped, ENVIRONMENT)
    try:
        server.start()
        await wait_until_serving(server.address)
        await _execute(server, range(ORDERS))
        assert server.stop() == 0, server.stderr
        server.start()
        await _execute(server, range(ORDERS, ORDERS + FURTHER_ORDERS))
        shutil.copytree(stopped, killed)
        assert server.stop() == 0, server.stderr
    finally:
        server.close()
    return stopped, killed


async def _execute(server: RunningServer, numbers: range) -> None:
    """Execute all commands of some orders, and wait until they are projected."""
    async with connect(server.address) as client:
        requests = [request for n in numbers for request in build_order_commands(order_id(n), Random(n))]
        results = [result async for result in client.execute(requests)]
        token = results[-1].receipt.consistency_token
        await client.history.ListOrders(ListOrdersRequest(at_least_as_fresh=[token]))
