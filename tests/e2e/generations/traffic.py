"""Callers that send commands and read them back all the time, and repeat a call only if no server could be reached."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

import grpc
from tests.e2e.sample_orders import build_order, new_id

from ordertrail.client import OrderTrail
from ordertrail.errors import OrderTrailError
from ordertrail.v1.commands_pb2 import ConfirmOrderRequest
from ordertrail.v1.receipt_pb2 import Receipt

CALLERS = 2
CALL_SECONDS = 20.0
RETRY_SECONDS = 0.02
OPTIONS = [("grpc.enable_retries", 0), ("grpc.max_reconnect_backoff_ms", 100)]

T = TypeVar("T")


class Traffic:
    """The receipts that the callers got, and their refusals. Each command is read back at once."""

    def __init__(self, address: str) -> None:
        channel = grpc.aio.insecure_channel(address, options=OPTIONS)
        self.orders = OrderTrail(channel, timeout=CALL_SECONDS)
        self.receipts: list[Receipt] = []
        self.refusals: list[str] = []
        self._stopping = False
        self._progress = asyncio.Event()

    async def wait_for_receipts(self, count: int) -> None:
        """Return after some more receipts."""
        until = len(self.receipts) + count
        async with asyncio.timeout(120):
            while len(self.receipts) < until and not self.refusals:
                self._progress.clear()
                await self._progress.wait()

    def stop(self) -> None:
        """Let every caller end after its order."""
        self._stopping = True

    async def call(self) -> None:
        """Place, confirm and read one order after another."""
        while not self._stopping:
            place = build_order(new_id("traffic"))
            for request in (place, ConfirmOrderRequest(order_id=place.order_id, request_id=new_id("confirm"))):
                receipt = await self._answer(partial(self.orders.send, request))
                await self._answer(partial(self._read, receipt))
                self.receipts.append(receipt)
                self._progress.set()

    async def _read(self, receipt: Receipt) -> None:
        order = await self.orders.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
        assert order.version >= receipt.order_version

    async def _answer(self, call: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await call()
            except OrderTrailError as error:
                # A server that refuses sends a reason of its own, with a retry delay. gRPC reports a connection that
                # ends during a call as UNAVAILABLE or CANCELLED.
                if error.reason not in ("UNAVAILABLE", "CANCELLED") or error.retry_after is not None:
                    self.refusals.append(str(error))
                    self._progress.set()
                    raise
            await asyncio.sleep(RETRY_SECONDS)


@asynccontextmanager
async def run_traffic(address: str) -> AsyncIterator[Traffic]:
    """Run callers on the server at an address until the body ends, and require that none of them was refused."""
    traffic = Traffic(address)
    tasks = [asyncio.create_task(traffic.call()) for _ in range(CALLERS)]
    try:
        yield traffic
        traffic.stop()
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await traffic.orders.close()
    assert traffic.refusals == []
