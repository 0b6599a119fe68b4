"""One run: servers and callers over a simulated log, in an order that a seed decides."""

import asyncio
from pathlib import Path
from random import Random

from tests.commands.simulation.callers import Call, Callers
from tests.commands.simulation.log import SimulatedLog
from tests.commands.simulation.server import Server, World
from tests.commands.simulation.shape import ServerFailed, Shape, Violation

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.orders.refusal import Refusal

PATIENCE = 5_000  # steps in which all that waits must be answered once nothing goes wrong any more


class Run:
    """What happens, and what happened. `strange` are the offsets of records that no server wrote."""

    def __init__(self, shape: Shape, directory: Path) -> None:
        self.shape, self.random = shape, Random(shape.seed)
        self.log = SimulatedLog(shape.atomic, shape.stale, self.random)
        self.world = World(self.log, self.random, directory)
        self.servers = [Server(number, self.world, shape.storing) for number in range(shape.servers)]
        self.callers = Callers(self.random)
        self.calls: list[Call] = []
        self.strange: set[int] = set()

    async def let_run(self) -> None:
        """Let every task go as far as it can; then see who was answered. Raises ServerFailed."""
        for _ in range(40):
            await asyncio.sleep(0)
        for call in self.calls:
            if call.until < 0 and call.answer is not None:
                _require_no_fault(call)
                call.until = self.log.end()
                self.callers.learn(call.attempt.order_id)
        for server in self.servers:
            for task in server.tasks:
                if task.done():
                    raise ServerFailed(f"a task of server {server.number} ended") from task.exception()

    async def drain(self) -> None:
        """Let everything be answered and every late record land, and nothing else go wrong."""
        while self.log.late and self.random.random() < 0.8:
            self.log.land_late()
        await self._let_all_be_answered()
        while self.log.late:
            self.log.land_late()
        for server in self.servers:
            server.connection.prompt = True

    async def _let_all_be_answered(self) -> None:
        for _ in range(PATIENCE):
            await self.let_run()
            pending = [(server, call) for server in self.servers for call in server.connection.open_calls]
            if not pending:
                break
            server, call = self.random.choice(pending)
            server.connection.go_on(call, faults=False)
        waiting = [call for call in self.calls if call.waits]
        if pending or waiting:
            raise Violation(f"never answered: {waiting}")

    async def close(self) -> None:
        for server in self.servers:
            await server.close()


def _require_no_fault(call: Call) -> None:
    if isinstance(call.answer, Refusal) and call.answer.reason == reasons.ERROR_REASON_INTERNAL:
        raise ServerFailed(f"a fault of the server: {call}")
