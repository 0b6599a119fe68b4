"""A run: a cluster, servers and callers, and rounds of faults that each end with a check of all answers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic

from tests.chaos.caller_pool import CallerPool
from tests.chaos.evidence import Evidence
from tests.chaos.faults import Faults
from tests.chaos.member import ALL_ROLES, READING, GuaranteeViolated, Member
from tests.chaos.outcome_check import await_outcomes
from tests.chaos.request_generator import RequestGenerator
from tests.chaos.round_check import check_reads, find_violations, repeat_newest_requests
from tests.chaos.submitting_callers import SubmittingCallers
from tests.kafka.checker import Report, check
from tests.kafka.cluster import Cluster, Setup, run_cluster

from ordertrail_server.log.kafka.topic import create_topic
from ordertrail_server.log.topic_name import ORDER_COMMANDS, ORDER_EVENTS

PARTITIONS = 3
CALLERS, SUBMITTERS = 18, 6
CALM_S = 1.5
REPORTED_COUNTS = (
    *("servers frozen", "servers killed", "servers cut off", "connections cut"),
    *("brokers frozen", "brokers killed", "brokers cut off"),
    *("commands", "acknowledged", "refused", "unknown", "appends in doubt", "seconds until all answered"),
    *("submitted", "submissions in doubt", "accepted later", "refused later", "seconds until all decided"),
)


@dataclass(frozen=True)
class Plan:
    """The parameters of a run. The seed determines requests and faults, but not how they interleave."""

    seed: int
    servers: int = 3
    brokers: int = 1
    faults_s: float = 24.0


@dataclass
class Outcome:
    """The counts of a round, and the guarantees that it violated."""

    number: int
    counts: Counter[str]
    report: Report = field(default_factory=Report)
    voids: int = 0
    broken: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = ", ".join(f"{self.counts[name]} {name}" for name in REPORTED_COUNTS)
        verdict = "BROKEN" if self.broken else "kept"
        return f"round {self.number}: {counts}, {self.voids} void: {verdict}\n    topic: {self.report}"


class Run:
    """A running cluster and its servers."""

    def __init__(self, plan: Plan, cluster: Cluster, directory: Path) -> None:
        self._plan, self._cluster, self._directory = plan, cluster, directory
        roles = [ALL_ROLES, *["command"] * (plan.servers - 1)]
        self._writers = [Member(f"server-{number}", cluster, directory, role) for number, role in enumerate(roles, 1)]
        self.members = [*self._writers, Member("reader", cluster, directory, READING)]
        self._evidence, self._rounds, self._voids, self._uncertain = Evidence(), 0, 0, 0

    async def start(self) -> None:
        """Create the topics, and start every server."""
        settings = {"bootstrap.servers": self._cluster.bootstrap}
        replicas = min(self._plan.brokers, 3)
        for topic in ORDER_EVENTS, ORDER_COMMANDS:
            await asyncio.to_thread(create_topic, settings, topic, partitions=PARTITIONS, replicas=replicas)
        await asyncio.gather(*(member.start() for member in self.members))
        for member in self.members:
            member.connect()

    async def play_round(self) -> Outcome:
        """Play one round: faults under load, a pause, and the check."""
        self._rounds += 1
        self._evidence.begin_round()
        outcome = Outcome(self._rounds, self._evidence.counts)
        try:
            await self._play(outcome)
        except* GuaranteeViolated as group:
            outcome.broken += _messages(group)
        if outcome.broken:
            self._write_evidence(outcome)
        return outcome

    async def _play(self, outcome: Outcome) -> None:
        evidence, name = self._evidence, f"order-{outcome.number}"
        seed = f"{self._plan.seed} {outcome.number}"
        random = Random(f"{seed} callers")
        generator = RequestGenerator(random, name)
        callers = CallerPool(random, self._writers, generator, evidence)
        submitters = SubmittingCallers(random, self._writers, generator, evidence, callers)
        faults = Faults(f"{seed} faults", self._cluster, self.members, evidence.counts)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(callers.run_caller(stop))
            for number in range(SUBMITTERS):
                group.create_task(submitters.run_caller(f"submitter {number}", stop))
            await faults.run(monotonic() + self._plan.faults_s)
            await asyncio.sleep(CALM_S)
            stop.set()
        self._check_members(evidence)
        try:
            await await_outcomes(self._writers, evidence)
            await repeat_newest_requests(callers, self._writers, evidence)
        except GuaranteeViolated as error:  # the content of the topic may show the cause
            outcome.broken.append(str(error))
        await self._check_answers(outcome)

    def _check_members(self, evidence: Evidence) -> None:
        for member in self.members:
            member.check()
        uncertain = sum(member.uncertain_append_count for member in self._writers)
        evidence.counts["appends in doubt"], self._uncertain = uncertain - self._uncertain, uncertain

    async def _check_answers(self, outcome: Outcome) -> None:
        evidence, bootstrap = self._evidence, self._cluster.bootstrap
        receipts, requests = evidence.receipts, evidence.requests
        outcome.report = report = await asyncio.to_thread(check, bootstrap, ORDER_EVENTS, receipts, requests)
        outcome.voids, self._voids = len(report.voids) - self._voids, len(report.voids)
        outcome.broken += find_violations(report, evidence)
        await check_reads([member for member in self.members if "query" in member.roles], report, evidence)

    def _write_evidence(self, outcome: Outcome) -> None:
        text = "\n\n".join(["VIOLATED GUARANTEES", *outcome.broken, "ALL CALLS", *self._evidence.lines()])
        (self._directory / f"round-{outcome.number}.txt").write_text(f"{self._plan}\n{outcome}\n\n{text}\n")


def _messages(group: BaseExceptionGroup[GuaranteeViolated]) -> list[str]:
    return [
        message
        for error in group.exceptions
        for message in (_messages(error) if isinstance(error, BaseExceptionGroup) else [str(error)])
    ]


@asynccontextmanager
async def start_run(plan: Plan, directory: Path) -> AsyncIterator[Run]:
    """Start a run whose data lies in the directory, and kill its processes at the end. Raises KafkaMissing."""
    async with AsyncExitStack() as stack:
        setup = Setup(separable=plan.brokers > 1)
        cluster = stack.enter_context(run_cluster(directory / "kafka", plan.brokers, setup=setup))
        run = Run(plan, cluster, directory)
        for member in run.members:
            stack.push_async_callback(member.close)
        await run.start()
        yield run
