"""Random faults of servers and brokers, several at a time."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from time import monotonic
from typing import TypeVar

from tests.chaos.member import Member
from tests.kafka.cluster import Cluster
from tests.kafka.node import Node

Fault = tuple[str, Callable[[], Awaitable[None]]]
LONGEST_PAUSE_S = 4.0

T = TypeVar("T", Member, Node)


class Faults:
    """Injects faults until a time; all servers and brokers run again when `run` returns.

    Two servers and one broker may be down or frozen at a time. A cluster of three continues without one broker.
    """

    def __init__(self, seed: str, cluster: Cluster, members: list[Member], counts: Counter[str]) -> None:
        self._seed, self._cluster, self._members, self._counts = seed, cluster, members, counts
        self._faulty: set[int] = set()

    async def run(self, until: float) -> None:
        """Inject faults. Raises GuaranteeViolated if a server ends or fails by itself."""
        async with asyncio.TaskGroup() as group:
            for name in ("left", "right"):
                group.create_task(
                    self._inject_faults(Random(f"{self._seed} {name}"), until, self._members, self._choose_server_fault)
                )
            brokers = Random(f"{self._seed} brokers")
            group.create_task(self._inject_faults(brokers, until, self._cluster.nodes, self._choose_broker_fault))

    async def _inject_faults(
        self, random: Random, until: float, targets: list[T], fault_of: Callable[[Random, T], Fault]
    ) -> None:
        while monotonic() + (pause := random.uniform(0.1, LONGEST_PAUSE_S)) < until:
            await asyncio.sleep(pause)
            target = random.choice([candidate for candidate in targets if id(candidate) not in self._faulty])
            name, do = fault_of(random, target)
            self._counts[name] += 1
            self._faulty.add(id(target))
            try:
                await do()
            finally:
                self._faulty.discard(id(target))

    def _choose_server_fault(self, random: Random, member: Member) -> Fault:
        seconds = random.uniform(0.2, 4.0)

        async def cut_off() -> None:
            with suppress(PermissionError):  # the system may not permit pidfd_getfd
                self._counts["connections cut"] += member.cut_off()

        faults: list[Fault] = [
            ("servers frozen", lambda: member.freeze(seconds)),
            ("servers killed", lambda: member.kill(seconds / 4)),
            ("servers cut off", cut_off),
        ]
        return random.choice(faults)

    def _choose_broker_fault(self, random: Random, node: Node) -> Fault:
        seconds = random.uniform(0.5, 5.0)
        faults: list[Fault] = [
            ("brokers frozen", lambda: self._freeze(node, seconds)),
            ("brokers killed", lambda: self._kill(node, seconds / 4)),
        ]
        if len(self._cluster.nodes) > 1:
            # Long enough for another broker to become the leader, while this one still answers servers.
            faults.append(("brokers cut off", lambda: self._cut_off(node, 3 * seconds)))
        return random.choice(faults)

    async def _freeze(self, node: Node, seconds: float) -> None:
        node.freeze()
        try:
            await asyncio.sleep(seconds)
        finally:
            node.thaw()

    async def _cut_off(self, node: Node, seconds: float) -> None:
        self._cluster.cut_off(node)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._cluster.join(node)

    async def _kill(self, node: Node, seconds: float) -> None:
        node.kill()
        await asyncio.sleep(seconds)
        node.start()
        await asyncio.to_thread(self._cluster.await_ready)
