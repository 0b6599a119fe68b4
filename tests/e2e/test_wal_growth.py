"""The -wal file of each database shrinks again after a long reader has ended."""

import asyncio
from contextlib import ExitStack, closing
from pathlib import Path

from tests.e2e.filled_directory import projection_file
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import new_id

from ordertrail.client import OrderTrail, connect, line
from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.storage.connection import connect_reader
from ordertrail_server.storage.wal_trimmer import LIMIT_BYTES

ORDER_COUNT = 300


def build_large_order() -> PlaceOrderRequest:
    """Return an order of more than 30 KB."""
    lines = [line(f"{number:0>120}", 1, "1.00", "EUR") for number in range(200)]
    return PlaceOrderRequest(customer_id="shop-1", lines=lines, request_id=new_id("place"))


def hold_reader(path: Path, stack: ExitStack) -> None:
    connection = stack.enter_context(closing(connect_reader(path)))
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def wal_sizes(files: list[Path]) -> list[int]:
    return [path.with_name(f"{path.name}-wal").stat().st_size for path in files]


async def wait_until_grown(files: list[Path]) -> None:
    async with asyncio.timeout(90):
        while min(wal_sizes(files)) <= LIMIT_BYTES:  # noqa: ASYNC110 (no event reports that a file grows)
            await asyncio.sleep(0.05)


async def wait_until_truncated(files: list[Path]) -> None:
    async with asyncio.timeout(90):
        while max(wal_sizes(files)) > LIMIT_BYTES // 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def place_orders(orders: OrderTrail) -> None:
    async for result in orders.execute([build_large_order() for _ in range(ORDER_COUNT)]):
        assert result.HasField("receipt")


async def test_every_wal_file_shrinks_after_its_long_reader_ends(server: RunningServer) -> None:
    server.start()
    await wait_until_serving(server.address)
    files = [server.data / "log.sqlite", *(projection_file(server.data, name) for name in (ORDERS, HISTORY))]
    async with connect(server.address) as orders:
        with ExitStack() as stack:
            for path in files:
                hold_reader(path, stack)
            await place_orders(orders)
            await wait_until_grown(files)
            assert (await orders.send(build_large_order())).order_version == 1  # commands do not wait for the readers
        await wait_until_truncated(files)
    assert server.stop() == 0
    assert server.faults == []
