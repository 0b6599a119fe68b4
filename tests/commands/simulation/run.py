"""One run: servers and callers over a simulated log, in an order that a seed decides."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.commands.simulation.callers import Call, Callers
from tests.commands.simulation.log import SimulatedLog
from tests.commands.simulation.server import Server, Storing, World
from tests.commands.simulation.strangers import strange_entry
from tests.commands.simulation.write_path import WritePath

from ordertrail_server.commands.prepare import Caller
from ordertrail_server.orders.refusal import Refused

PATIENCE = 5_000  # steps in which all that waits must be answered once nothing goes wrong any more


@dataclass(frozen=True)
class Shape:
    """What a run is like. An atomic log has one server at a time, as the embedded log has."""

    seed: int
    steps: int
    servers: int
    atomic: bool
    storing: Storing
    strangers: bool

    @classmethod
    def of(cls, seed: int) -> "Shape":
        """Return the shape that a seed alone decides."""
        random = Random(seed)
        atomic = random.random() < 0.3
        storing: Storing = "memory" if random.random() < 0.4 else "nothing"
        servers = 1 if atomic else random.randint(1, 3)
        return cls(seed, random.randint(20, 160), servers, atomic, storing, random.random() < 0.2)


class Violation(AssertionError):
    """A promise of the write path was broken."""


@dataclass
class Run:
    """What happened. `strange` are the offsets of records that no server wrote."""

    shape: Shape
    path: WritePath
    log: SimulatedLog
    servers: list[Server]
    callers: Callers
    calls: list[Call] = field(default_factory=list)
    strange: set[int] = field(default_factory=set)
    crashes: int = 0

    @property
    def random(self) -> Random:
        return self.log.random

    async def step(self) -> None:
        actions = [self.call, self.go_on, self.land_late, self.give_up, self.crash, self.freeze, self.set_clock, self.save]
        weights = [20, 65, 3, 1, 1.5, 1.5, 1, 3]
        if self.shape.strangers:
            actions.append(self.strange_record)
            weights.append(1)
        [action] = self.random.choices(actions, weights)
        await action()
        await self.let_run()

    async def let_run(self) -> None:
        """Let every task go as far as it can; then see who was answered."""
        for _ in range(5):
            await asyncio.sleep(0)
        for call in self.calls:
            if call.until < 0 and call.answer is not None:
                call.until = self.log.end()
        for server in self.servers:
            if server.task.done():
                raise Violation("a writer ended") from server.task.exception()

    # What may happen

    async def call(self) -> None:
        server = self.random.choice(self.servers)
        request = self.callers.next_request()
        kept = type(request)()
        kept.CopyFrom(request)
        number = len(self.calls)
        answer = asyncio.get_running_loop().create_future()
        attempt = self.path.prepare(request, answer, Caller(f"call-{number}"), server.world.new_id)
        if attempt.order_id not in self.callers.orders:
            self.callers.orders.append(attempt.order_id)
        self.calls.append(Call(number, server.number, kept, attempt, self.log.end()))
        try:
            server.writer.submit(attempt)
        except Refused as refused:
            answer.set_result(refused.refusal)

    async def go_on(self) -> None:
        pending = [(s, call) for s in self.servers if not s.frozen for call in s.connection.calls]
        if pending:
            server, call = self.random.choice(pending)
            server.connection.go_on(call, faults=True)

    async def land_late(self) -> None:
        if self.log.late:
            self.log.land_late()

    async def give_up(self) -> None:
        waiting = [call for call in self.calls if call.waits]
        if waiting:
            self.random.choice(waiting).give_up()

    async def crash(self) -> None:
        server = self.random.choice(self.servers)
        for call in self.calls:
            if call.waits and call.server == server.number:
                call.give_up()
        await server.crash()
        self.crashes += 1

    async def freeze(self) -> None:
        server = self.random.choice(self.servers)
        server.frozen = not server.frozen

    async def set_clock(self) -> None:
        self.random.choice(self.servers).set_clock()

    async def save(self) -> None:
        self.random.choice(self.servers).save(at_once=self.random.random() < 0.8)

    async def strange_record(self) -> None:
        self.strange.add(self.log.land(strange_entry(self.random, self.log.records)))

    # The end

    async def drain(self) -> None:
        """Let everything be answered and every late record land."""
        while self.log.late and self.random.random() < 0.8:
            self.log.land_late()
        for _ in range(PATIENCE):
            await self.let_run()
            pending = [(server, call) for server in self.servers for call in server.connection.calls]
            if not pending:
                break
            server, call = self.random.choice(pending)
            server.connection.go_on(call, faults=False)
        waiting = [call.number for call in self.calls if call.waits]
        if pending or waiting:
            raise Violation(f"calls {waiting} are never answered")
        while self.log.late:
            self.log.land_late()
        for server in self.servers:
            server.connection.prompt = True

    async def close(self) -> None:
        for server in self.servers:
            await server.close()


async def simulate(shape: Shape, path: WritePath, directory: Path) -> Run:
    """Return a finished run; its servers are still up, with connections that answer promptly."""
    random = Random(shape.seed)
    log = SimulatedLog(shape.atomic, random)
    world = World(log, random, directory)
    servers = [Server(number, world, path, shape.storing) for number in range(shape.servers)]
    run = Run(shape, path, log, servers, Callers(random))
    for _ in range(shape.steps):
        await run.step()
    await run.drain()
    return run
