"""Sends the commands of a state machine to a server, also while it is killed, and compares the answers."""

import asyncio
from collections import Counter

from tests.e2e.running_server import RunningServer
from tests.e2e.state_machine.log_model import Fact, ModelLog
from tests.e2e.state_machine.order_model import State

from ordertrail.client import OrderTrail, connect
from ordertrail.commands import Request
from ordertrail.errors import OrderTrailError, Unavailable, VersionMismatch, from_status
from ordertrail.v1.commands_pb2 import CommandResult
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail.values import line

RETRY_SECONDS = 0.05

Answer = Receipt | OrderTrailError


class Driver:
    """A client of a server, and the model of its log."""

    def __init__(self, server: RunningServer, name: str, counts: Counter[str]) -> None:
        self._server, self._name, self._counts = server, name, counts

    async def open(self) -> None:
        """Connect, and find the end of the log by placing an order for somebody else."""
        self.orders: OrderTrail = connect(self._server.address, timeout=30)
        receipt = await self.orders.place("somebody", [line("p_1", 1, "1", "EUR")], order_id=f"{self._name}/first")
        self.log = ModelLog(self._name, receipt.position.offset + 1)

    async def close(self) -> None:
        await self.orders.close()

    async def send(self, request: Request) -> None:
        """Send a command, and compare its answer."""
        self._compare(request, await _call(self.orders, request))

    async def send_batch(self, requests: list[Request]) -> None:
        """Send commands as one batch, and compare each answer."""
        results = [result async for result in self.orders.execute(requests)]
        for request, result in zip(requests, results, strict=True):
            self._compare(request, _read_result(result))

    async def send_during_kill(self, request: Request, delay_s: float) -> None:
        """Kill and start the server while a command runs, send it until it is answered, and compare the answer."""
        first_attempt = asyncio.create_task(_call(self.orders, request))
        await asyncio.sleep(delay_s)
        await asyncio.to_thread(self._server.kill)
        await asyncio.to_thread(self._server.start)
        answer = await first_attempt
        while isinstance(answer, Unavailable):
            await asyncio.sleep(RETRY_SECONDS)
            answer = await _call(self.orders, request)
        self._compare(request, answer, is_repeated=True)

    async def restart(self, is_killed: bool) -> None:
        """Kill or stop the server, and start it again."""
        await asyncio.to_thread(self._server.kill if is_killed else self._server.stop)
        await asyncio.to_thread(self._server.start)

    def _compare(self, request: Request, answer: Answer, is_repeated: bool = False) -> None:
        """Compare an answer with the model's, and add its fact to the model."""
        expected = self.log.answer(request)
        if isinstance(expected, str):
            assert isinstance(answer, OrderTrailError), (request, answer)
            assert answer.reason == expected
            if isinstance(answer, VersionMismatch):
                state = self.log.present(request.order_id)
                assert answer.actual == (state.version if state else 0)
            self._counts[expected] += 1
            return
        if isinstance(answer, OrderTrailError):
            raise answer
        if isinstance(expected, Fact):
            _check_replay(answer, expected.receipt)
            self._counts["replayed"] += 1
        else:
            self._add(request, expected, answer, is_repeated)

    def _add(self, request: Request, state: State, receipt: Receipt, is_repeated: bool) -> None:
        ids = (receipt.order_id, receipt.order_version, receipt.request_id)
        assert ids == (state.order_id, state.version, request.request_id)
        assert is_repeated or not receipt.replayed
        if request.validate_only:
            assert not receipt.digest
            assert not receipt.HasField("position")
            return
        self.log.add(Fact(request, state, receipt))
        if receipt.HasField("event"):
            self.log.times[receipt.position.offset] = receipt.event.record_time
        self._counts[state.status] += 1


async def _call(orders: OrderTrail, request: Request) -> Answer:
    try:
        return await orders.send(request)
    except OrderTrailError as error:
        return error


def _read_result(result: CommandResult) -> Answer:
    return result.receipt if result.HasField("receipt") else from_status(result.status)


def _check_replay(receipt: Receipt, first: Receipt) -> None:
    assert receipt.replayed
    for field in ("order_id", "order_version", "request_id", "digest", "position", "consistency_token"):
        assert getattr(receipt, field) == getattr(first, field)
