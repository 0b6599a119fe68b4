"""A run: a cluster, servers and callers, and rounds of faults, each followed by the question whether all is true."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic

from tests.chaos.book import Book
from tests.chaos.callers import Callers
from tests.chaos.faults import Faults
from tests.chaos.members import ALL_ROLES, READING, Broken, Member
from tests.chaos.requests import Requests
from tests.chaos.verdict import ask_all_again, read_alike, violations
from tests.kafka.checker import Report, check
from tests.kafka.cluster import Cluster, Setup, run_cluster

from ordertrail_server.log.kafka.topic import ORDER_EVENTS, create_topic

PARTITIONS = 3
CALLERS = 24
CALM_S = 1.5
TOLD = (
    *("servers frozen", "servers killed", "servers cut off", "connections cut"),
    *("brokers frozen", "brokers killed", "brokers cut off"),
    *("commands", "acknowledged", "refused", "unknown", "appends in doubt", "seconds until all answered"),
)


@dataclass(frozen=True)
class Plan:
    """What a run is like. The seed decides what is asked and what goes wrong, but not how it falls together in time."""

    seed: int
    servers: int = 3
    brokers: int = 1
    faults_s: float = 24.0


@dataclass
class Outcome:
    """What happened in a round, and the promises it broke."""

    number: int
    counts: Counter[str]
    report: Report = field(default_factory=Report)
    voids: int = 0
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = ", ".join(f"{self.counts[name]} {name}" for name in TOLD)
        verdict = "BROKEN" if self.broken else "kept"
        return f"round {self.number}: {told}, {self.voids} void: {verdict}\n    topic: {self.report}"


class Run:
    """A cluster and servers that are up."""

    def __init__(self, plan: Plan, cluster: Cluster, directory: Path) -> None:
        self._plan, self._cluster, self._directory = plan, cluster, directory
        roles = [ALL_ROLES, *["command"] * (plan.servers - 1)]
        self._taking = [Member(f"server-{number}", cluster, directory, role) for number, role in enumerate(roles, 1)]
        self.members = [*self._taking, Member("reader", cluster, directory, READING)]
        self._book, self._rounds, self._voids, self._doubts = Book(), 0, 0, 0

    async def start(self) -> None:
        """Make the topic, and start every server."""
        settings = {"bootstrap.servers": self._cluster.bootstrap}
        replicas = min(self._plan.brokers, 3)
        await asyncio.to_thread(create_topic, settings, ORDER_EVENTS, partitions=PARTITIONS, replicas=replicas)
        await asyncio.gather(*(member.start() for member in self.members))
        for member in self.members:
            member.connect()

    async def round(self) -> Outcome:
        """Play one round: faults under load, calm, and the verdict."""
        self._rounds += 1
        self._book.turn()
        outcome = Outcome(self._rounds, self._book.counts)
        try:
            await self._play(outcome)
        except* Broken as broken:
            outcome.broken += _told(broken)
        if outcome.broken:
            self._keep(outcome)
        return outcome

    async def _play(self, outcome: Outcome) -> None:
        book, name = self._book, f"order-{outcome.number}"
        seed = f"{self._plan.seed} {outcome.number}"
        random = Random(f"{seed} callers")
        callers = Callers(random, self._taking, Requests(random, name), book)
        faults = Faults(f"{seed} faults", self._cluster, self.members, book.counts)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(callers.call(stop))
            await faults.run(monotonic() + self._plan.faults_s)
            await asyncio.sleep(CALM_S)
            stop.set()
        self._all_well(book)
        try:
            await ask_all_again(callers, self._taking, book)
        except Broken as broken:  # what the topic holds may say why
            outcome.broken.append(str(broken))
        await self._judge(outcome)

    def _all_well(self, book: Book) -> None:
        for member in self.members:
            member.check()
        doubts = sum(member.doubts for member in self._taking)
        book.counts["appends in doubt"], self._doubts = doubts - self._doubts, doubts

    async def _judge(self, outcome: Outcome) -> None:
        book, bootstrap = self._book, self._cluster.bootstrap
        outcome.report = report = await asyncio.to_thread(check, bootstrap, ORDER_EVENTS, book.receipts, book.asked)
        outcome.voids, self._voids = len(report.voids) - self._voids, len(report.voids)
        outcome.broken += violations(report, book)
        await read_alike([each for each in self.members if "query" in each.roles], report, book)

    def _keep(self, outcome: Outcome) -> None:
        text = "\n\n".join(["WHAT WAS BROKEN", *outcome.broken, "ALL CALLS", *self._book.lines()])
        (self._directory / f"round-{outcome.number}.txt").write_text(f"{self._plan}\n{outcome}\n\n{text}\n")


def _told(group: BaseExceptionGroup[Broken]) -> list[str]:
    return [
        text
        for each in group.exceptions
        for text in (_told(each) if isinstance(each, BaseExceptionGroup) else [str(each)])
    ]


@asynccontextmanager
async def run(plan: Plan, directory: Path) -> AsyncIterator[Run]:
    """Start a run whose data lies in the directory; at the end all its processes are killed. Raises KafkaMissing."""
    async with AsyncExitStack() as held:
        setup = Setup(separable=plan.brokers > 1)
        cluster = held.enter_context(run_cluster(directory / "kafka", plan.brokers, setup=setup))
        started = Run(plan, cluster, directory)
        for member in started.members:
            held.push_async_callback(member.close)
        await started.start()
        yield started
