"""One run: servers and calls on a simulated log. The scenario's seed decides everything that happens."""

import asyncio
from collections import deque
from pathlib import Path
from random import Random

from tests.commands.simulation.call import Call
from tests.commands.simulation.request_generator import RequestGenerator
from tests.commands.simulation.scenario import Scenario, ServerFailed, Violation
from tests.commands.simulation.simulated_log import SimulatedLog
from tests.commands.simulation.simulated_server import SimulatedServer, World

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.orders.refusal import Refusal

# Without further faults, every call must be answered within so many steps.
MAX_DRAIN_STEPS = 5_000


class Run:
    """The state of a run. `injected` are the offsets of records that no server appended."""

    def __init__(self, scenario: Scenario, directory: Path) -> None:
        self.scenario, self.random = scenario, Random(scenario.seed)
        self.log = SimulatedLog(scenario.atomic, scenario.has_stale_ends, self.random)
        self.world = World(self.log, self.random, directory)
        self.servers = [SimulatedServer(number, self.world, scenario.storage) for number in range(scenario.servers)]
        self.requests = RequestGenerator(self.random)
        self.calls: list[Call] = []
        self.injected: set[int] = set()

    async def start(self) -> None:
        """Start all servers."""
        for server in self.servers:
            await server.start()

    async def run_tasks(self) -> None:
        """Let every task run until it waits, then note which calls were answered. Raises ServerFailed."""
        await _run_ready_tasks()
        for call in self.calls:
            if call.end_at_answer < 0 and call.answer is not None:
                _require_no_fault(call)
                call.end_at_answer = self.log.end()
                self.requests.add_order(call.attempt.order_id)
        for server in self.servers:
            for task in server.tasks:
                if task.done():
                    raise ServerFailed(f"a task of server {server.number} ended") from task.exception()

    async def drain(self) -> None:
        """Answer every call and append every delayed record, without further faults."""
        while self.log.delayed and self.random.random() < 0.8:
            self.log.append_delayed()
        await self._answer_all_calls()
        while self.log.delayed:
            self.log.append_delayed()
        for server in self.servers:
            server.connection.answers_at_once = True

    async def _answer_all_calls(self) -> None:
        for _ in range(MAX_DRAIN_STEPS):
            await self.run_tasks()
            if self.random.random() < 0.05:
                self.random.choice(self.servers).project_all()
            pending = [(server, call) for server in self.servers for call in server.connection.open_calls]
            if pending:
                server, call = self.random.choice(pending)
                server.connection.advance(call, faults=False)
            elif any(call.is_waiting for call in self.calls):  # one may wait for space in the tail
                for server in self.servers:
                    server.project_all()
            else:
                break
        waiting = [call for call in self.calls if call.is_waiting]
        if pending or waiting:
            raise Violation(f"calls were never answered: {waiting}")

    async def close(self) -> None:
        for server in self.servers:
            await server.close()


async def _run_ready_tasks() -> None:
    """Let other tasks run until all of them wait, or for 40 rounds of the event loop."""
    ready: deque[asyncio.Handle] = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]  # asyncio's own list
    for _ in range(40):
        await asyncio.sleep(0)
        if not ready:
            break


def _require_no_fault(call: Call) -> None:
    if isinstance(call.answer, Refusal) and call.answer.reason == reasons.ERROR_REASON_INTERNAL:
        raise ServerFailed(f"the server failed to decide {call}")
