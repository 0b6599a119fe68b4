"""Data directories with a log and its derived stores."""

import shutil
from pathlib import Path
from random import Random

from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order_commands, new_id

from ordertrail.client import connect
from ordertrail.v1.order_history_service_pb2 import ListOrderEventsRequest
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.projections.generation import live_generation


async def fill_directory(server: RunningServer) -> None:
    """Start a server, execute and project all commands of some orders, and stop it."""
    server.start()
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        requests = [request for _ in range(5) for request in build_order_commands(new_id("order"), Random(1))]
        results = [result async for result in orders.execute(requests)]
        last = results[-1].receipt
        fresh = ListOrderEventsRequest(order_id=last.order_id, at_least_as_fresh=[last.consistency_token])
        await orders.history.ListOrderEvents(fresh)
    assert server.stop() == 0


def projection_file(data: Path, name: str) -> Path:
    """Return the file of a projection's live generation in a data directory."""
    return live_generation(DataDirectory(data).projections, name)


def remove_store(path: Path) -> None:
    """Delete a store, which is a directory or a file of SQLite with its journals."""
    for child in path.parent.glob(f"{path.name}*"):
        shutil.rmtree(child) if child.is_dir() else child.unlink()
