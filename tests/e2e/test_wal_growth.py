"""A -wal file that a long reader has let grow is emptied when the reader is gone, of each file that a server writes."""

import asyncio
from contextlib import ExitStack, closing
from pathlib import Path

from tests.e2e.running_server import RunningServer, until_serving
from tests.e2e.shop import new_id

from ordertrail.client import OrderTrail, connect, line
from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail_server.storage.sqlite import connect_reader
from ordertrail_server.storage.wal_trimmer import LIMIT_BYTES

ORDERS = 300


def a_large_order() -> PlaceOrderRequest:
    """Return an order of more than 30 KB."""
    lines = [line(f"{number:0>120}", 1, "1.00", "EUR") for number in range(200)]
    return PlaceOrderRequest(customer_id="shop-1", lines=lines, request_id=new_id("place"))


def read_for_long(path: Path, held: ExitStack) -> None:
    connection = held.enter_context(closing(connect_reader(path)))
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def wal_sizes(files: list[Path]) -> list[int]:
    return [path.with_name(f"{path.name}-wal").stat().st_size for path in files]


async def until_grown(files: list[Path]) -> None:
    async with asyncio.timeout(90):
        while min(wal_sizes(files)) <= LIMIT_BYTES:  # noqa: ASYNC110 (a file tells nobody that it grows)
            await asyncio.sleep(0.05)


async def until_shortened(files: list[Path]) -> None:
    async with asyncio.timeout(90):
        while max(wal_sizes(files)) > LIMIT_BYTES // 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def order_much(orders: OrderTrail) -> None:
    async for result in orders.execute([a_large_order() for _ in range(ORDERS)]):
        assert result.HasField("receipt")


async def test_every_wal_file_is_emptied_when_its_long_reader_is_gone(server: RunningServer) -> None:
    server.start()
    await until_serving(server.address)
    [model] = (server.data / "read-model").glob("*.sqlite")
    files = [server.data / "log.sqlite", server.data / "state.sqlite", model]
    async with connect(server.address) as orders:
        with ExitStack() as held:
            for path in files:
                read_for_long(path, held)
            await order_much(orders)
            await until_grown(files)
            assert (await orders.send(a_large_order())).order_version == 1  # nobody waits for the readers
        await until_shortened(files)
    assert server.stop() == 0
    assert server.faults == []
