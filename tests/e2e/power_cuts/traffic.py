"""Callers of a server, and what it has promised them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from random import Random

import grpc
from tests.e2e.sample_orders import build_order_commands
from tests.e2e.test_submissions import build_submission

from ordertrail.client import OrderTrail, connect
from ordertrail.errors import Unavailable

SENDERS, SUBMITTERS = 8, 2
# How a call ends whose server or caller ends.
CUT_OFF = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


class Promises:
    """The records and submitted commands that a server has acknowledged, each with the journal's size at that time."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self.offsets: list[tuple[int, int]] = []
        self.command_ids: list[tuple[int, str]] = []
        self._awaited_count, self._is_reached = 0, asyncio.Event()

    def note_record(self, offset: int) -> None:
        self.offsets.append((self._journal.stat().st_size, offset))
        if len(self.offsets) >= self._awaited_count:
            self._is_reached.set()

    async def wait_for_records(self, count: int) -> None:
        """Wait until this number of further records is acknowledged."""
        self._awaited_count = len(self.offsets) + count
        self._is_reached.clear()
        await self._is_reached.wait()

    def note_commands(self, command_ids: list[str]) -> None:
        size = self._journal.stat().st_size
        self.command_ids += [(size, command_id) for command_id in command_ids]


@asynccontextmanager
async def run_traffic(address: str, name: str, promises: Promises) -> AsyncIterator[None]:
    """Let callers send and submit commands while the body runs. Their calls are not finished when it ends."""
    async with connect(address) as orders:
        callers = [_send(orders, f"{name}/sender-{number}", promises) for number in range(SENDERS)]
        callers += [_submit(orders, f"{name}/submitter-{number}", promises) for number in range(SUBMITTERS)]
        tasks = [asyncio.create_task(caller) for caller in callers]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            _raise_faults(await asyncio.gather(*tasks, return_exceptions=True))


def _raise_faults(ends: list[BaseException | None]) -> None:
    for end in ends:
        is_call_cut_off = isinstance(end, grpc.aio.AioRpcError) and end.code() in CUT_OFF
        if end is not None and not is_call_cut_off and not isinstance(end, (asyncio.CancelledError, Unavailable)):
            raise end


async def _send(orders: OrderTrail, name: str, promises: Promises) -> None:
    for number in count():
        for request in build_order_commands(f"{name}/{number}", Random(name)):
            promises.note_record((await orders.send(request)).position.offset)


async def _submit(orders: OrderTrail, name: str, promises: Promises) -> None:
    for number in count():
        requests = build_order_commands(f"{name}/{number}", Random(name))
        response = await orders.commands.SubmitCommand(build_submission(*requests, defer_decision=True), timeout=60)
        promises.note_commands([result.submission.command_id for result in response.results])
