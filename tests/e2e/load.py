"""Callers that send every command, with the same request id, until it is answered."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from random import Random

from tests.e2e.sample_orders import build_order_commands

from ordertrail.client import OrderTrail
from ordertrail.commands import Request
from ordertrail.errors import Unavailable
from ordertrail.v1.receipt_pb2 import Receipt

RETRY_SECONDS = 0.05


class Ledger:
    """All receipts that callers got, and the time of the last one."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self.latest = 0.0
        self._noted = asyncio.Event()

    def note(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)
        self.latest = time.monotonic()
        self._noted.set()

    async def next(self, caller: str = "") -> float:
        """Wait for the next receipt of a caller with this prefix and return its time.

        Raises TimeoutError after a minute.
        """
        known_count = len(self.receipts)
        async with asyncio.timeout(60):
            while not any(receipt.order_id.startswith(caller) for receipt in self.receipts[known_count:]):
                self._noted.clear()
                await self._noted.wait()
        return self.latest


class Load:
    """Callers on one server, unary (u0, u1, …) and in batches (b0, …), until `stop`."""

    def __init__(self, orders: OrderTrail, ledger: Ledger, unary: int, batches: int, seed: int) -> None:
        self._orders, self._ledger = orders, ledger
        self._stopping = False
        callers = [self._unary(f"u{n}", Random(f"{seed}/{n}")) for n in range(unary)]
        callers += [self._batches(f"b{n}", Random(f"{seed}/batches/{n}")) for n in range(batches)]
        self.tasks = [asyncio.create_task(caller) for caller in callers]

    def check(self) -> None:
        """Raise the error of a caller that it could not retry."""
        for task in self.tasks:
            if task.done():
                task.result()

    async def stop(self) -> None:
        """Let every caller finish its current order."""
        self._stopping = True
        await asyncio.gather(*self.tasks)

    async def _unary(self, name: str, random: Random) -> None:
        for order_id in self._ids(name):
            for request in build_order_commands(order_id, random):
                answers = await asyncio.gather(*(self._answer(request) for _ in range(random.choice((1, 1, 1, 2)))))
                for receipt in answers:
                    self._ledger.note(receipt)
                assert len({receipt.digest for receipt in answers}) == 1

    async def _answer(self, request: Request) -> Receipt:
        while True:
            try:
                return await self._orders.send(request)
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)

    async def _batches(self, name: str, random: Random) -> None:
        async for result in self._orders.execute(self._commands(name, random), batch_size=50, in_flight=2):
            assert result.WhichOneof("result") == "receipt", result.status
            self._ledger.note(result.receipt)

    async def _commands(self, name: str, random: Random) -> AsyncIterator[Request]:
        for order_id in self._ids(name):
            for request in build_order_commands(order_id, random):
                yield request

    def _ids(self, name: str) -> Iterable[str]:
        number = 0
        while not self._stopping:
            number += 1
            yield f"{name}-{number}"
