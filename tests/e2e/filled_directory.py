"""Data directories with a log and its derived stores."""

import shutil
from pathlib import Path
from random import Random

from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order_commands, new_id

from ordertrail.client import connect
from ordertrail.v1.order_history_service_pb2 import ListOrdersRequest


async def fill_directory(server: RunningServer) -> None:
    """Start a server, execute and project all commands of some orders, and stop it."""
    server.start()
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        requests = [request for _ in range(5) for request in build_order_commands(new_id("order"), Random(1))]
        results = [result async for result in orders.execute(requests)]
        last = results[-1].receipt.consistency_token
        await orders.history.ListOrders(ListOrdersRequest(at_least_as_fresh=[last]))
    assert server.stop() == 0


def remove_store(path: Path) -> None:
    """Delete a store, which is a directory or a file of SQLite with its journals."""
    for child in path.parent.glob(f"{path.name}*"):
        shutil.rmtree(child) if child.is_dir() else child.unlink()
